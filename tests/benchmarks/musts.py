"""What must hold: the "must" column of the table in section 10 of the project's design.

Ratios, because they hold on any machine: our rate divided by that of the rival in the name. Where
the design gives a rate, the ratio is to what was measured beside it.
"""

#: append 1 event, own transaction; append 100 in one transaction.
APPEND_BY_LIMIT = 0.6
#: one command (log, load 10, decide, append; rows async).
COMMAND_BY_LIBRARY = 1.5
#: the same with one inline row.
DEPOSIT_BY_ORM = 1.0
#: ordered appends from 8 connections; unordered = 1.
CONNECTIONS_BY_LIMIT = 0.7
#: load 1,000 events, no snapshot.
LOAD_BY_LIMIT = 0.5
#: load with snapshot; warm cache: 2,500/s, where the library loads 2,600/s.
LOAD_BY_LIBRARY = 0.96
#: "An aggregate of 10,000 events is ready in a millisecond", in loads a second.
READY_IN_A_MILLISECOND = 1000.0
#: read the feed, decoded: 250,000/s, where psycopg alone fetches 786,000/s.
FEED_BY_LIMIT = 0.32
#: async projection catching up: 100,000/s, where psycopg alone fetches 786,000/s; and as a rate.
CATCH_UP_BY_LIMIT = 0.13
CAUGHT_UP_IN_A_SECOND = 100_000.0
#: commit to async row, p95: 10 ms by the worker, a second by qcluster.
ROW_IN_TEN_MILLISECONDS = 100.0
ROW_IN_A_SECOND = 1.0
#: rebuild 1,000,000 events: 200,000/s, where one SQL statement makes 740,000/s; and as a rate.
REBUILD_BY_LIMIT = 0.27
REBUILT_IN_A_SECOND = 200_000.0
#: Its memory: under 200 MB, so that five fit into 1 GB; and flat, whatever the number of events.
REBUILDS_IN_A_GIGABYTE = 5.0
MEMORY_BY_A_TENTH = 0.8
#: During it no command waits longer than 500 ms.
WAITS_IN_A_MINUTE = 120.0
#: Growth: at 1,000,000 events as at 10,000, but for less than 10 %.
GROWN_BY_SMALL = 0.9

#: 10,000 events boxed and unboxed "in seconds": within ten; 1,000 small aggregates a minute. No
#: ratio: the limit makes no hash, parses no line, reads nothing back, and knows no commands.
BOXED_IN_A_SECOND = 1_000.0
SMALL_BOXES_IN_A_SECOND = 1_000 / 60

# Rows that the design's table does not have.
IMPORT_BY_ORM = 0.7
POST_BY_ORM = 0.8
PAGE_BY_ORM = 1.0
PARSE_BY_ORM = 1.0
