"""B: a history of 21 events. Snapshots will make its loading short; the rows are the same."""

from config.demo.stage import Stage

# The numbers of the kings: I to XXI.
TENS = ("", "X", "XX")
ONES = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
NUMERALS = [TENS[number // 10] + ONES[number % 10] for number in range(22)]


def play(stage: Stage) -> None:
    registered = stage.api.post("register-person", first_name="King Henry", last_name="I")
    person_id = registered.body["aggregate_id"]
    answers = [
        stage.api.post(
            "rename-person",
            aggregate_id=person_id,
            first_name="King Henry",
            last_name=NUMERALS[number],
        )
        for number in range(2, 22)
    ]
    stage.expect("renamed 20 times", [200] * 20, [answer.status for answer in answers])
    stage.expect("version", 21, answers[-1].body["version"])
    events = ["person.registered"] + ["person.renamed"] * 20
    stage.expect("events", events, stage.events_of(person_id))
    row = stage.api.get(f"/api/persons/{person_id}").body
    stage.expect("name", "King Henry XXI", row["name"])
