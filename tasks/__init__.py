"""HANDS: jobs, their queues and timetable; each is a thin function over the domain."""
