"""The last position drawn is never read too high, however fast others draw."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from eventstore.high_water_mark import CEILING
from tests.eventstore.support import raw_connection

DRAW = """
DO $$ BEGIN
    FOR i IN 1..400000 LOOP PERFORM nextval('eventstore_event_position_seq'); END LOOP;
END $$
"""

# Whatever is read as the last position, the next one drawn lies above it. `SELECT last_value`
# fails this some ten times in 150,000, by up to 31: PostgreSQL logs 32 positions at once.
READ = """
DO $$
DECLARE
    ceiling bigint;
    drawn bigint;
BEGIN
    FOR i IN 1..150000 LOOP
        ceiling := ({ceiling});
        drawn := nextval('eventstore_event_position_seq');
        IF ceiling >= drawn THEN
            RAISE EXCEPTION 'The ceiling % was read before % was drawn.', ceiling, drawn;
        END IF;
    END LOOP;
END $$
"""


def run(statement: str) -> None:
    with raw_connection(autocommit=True) as connection:
        connection.execute(statement)


@pytest.mark.usefixtures("database")
def test_the_ceiling_is_never_above_a_position_that_is_drawn_later() -> None:
    with ThreadPoolExecutor(3) as threads:
        calls = [threads.submit(run, DRAW) for _ in range(2)]
        calls.append(threads.submit(run, READ.format(ceiling=CEILING)))
        for call in calls:
            call.result()
