"""登记注册采集: business events sent by other departments' systems. The other side's manual is docs/intake.md.

signature.py says who sends, items.py what an event is, receive.py takes a request in, persons.py opens registrations by
the person's own consent, feedback.py tells what became of the events. api.py is the door.
"""
