"""A: create and update a contact."""

from config.demo.stage import Stage


def play(stage: Stage) -> None:
    registered = stage.api.post("register-person", first_name="Alice", last_name="O'Wonderland")
    stage.expect("registered", 201, registered.status)
    person_id = registered.body["aggregate_id"]
    before = stage.api.get(f"/api/persons/{person_id}").body
    stage.expect("name with its apostrophe", "Alice O'Wonderland", before["name"])

    renamed = stage.api.post(
        "rename-person", aggregate_id=person_id, first_name="Alice", last_name="Cooper"
    )
    stage.expect("renamed", 200, renamed.status)
    after = stage.api.get(f"/api/persons/{person_id}").body
    stage.expect("new name", "Alice Cooper", after["name"])
    stage.expect("time of registration", before["registered_at"], after["registered_at"])
    stage.expect("events", ["person.registered", "person.renamed"], stage.events_of(person_id))
    commands = ["register-person completed", "rename-person completed"]
    stage.expect("commands in the log", commands, stage.commands_of(person_id))

    unicode = stage.api.post("register-person", first_name="Žofie 女", last_name="d'Arc 🎠")
    row = stage.api.get(f"/api/persons/{unicode.body['aggregate_id']}").body
    stage.expect("Unicode", "Žofie 女 d'Arc 🎠", row["name"])
    empty = stage.api.post("register-person", first_name=" ", last_name="Cooper")
    stage.expect("an empty name", (400, "validation_failed"), (empty.status, empty.body["code"]))
