"""Tenants never meet (DESIGN section 3, invariant 8): every door, tried with another's ids.

`routes` classifies each URL, `tables` each model, command and form; who adds one without a line
there sees red. `seeding` lets two tenants live the same story under other names, `findings`
gathers whatever stands in the one's rows and in none of the other's, `matrix` puts it into every
place of a request, and the answer has to be the one that a value gets which exists nowhere.

What tenants see of each other all the same, because it is meant so:

- Positions, command numbers and the keys in the admin's addresses come from sequences that all
  tenants share. A gap between two of one's own, and the header X-Position, tell how much the whole
  system does, never who does it or what.
- So `min_position` takes any position up to the head, whosever event stands there, and the refusal
  beyond names the head. With positions drawn for each tenant, nobody could wait for a projection
  that reads them all.
- User names are unique over all tenants, since a user may belong to several.
- `/api/schema` lists every command and all roles, whoever may send them.
"""
