"""`linecard pop`: invite a box to a POP, shut one out, and keep the door they come by."""

from pydantic import SecretStr

from core import clock, db, secrets
from core.settings import Settings
from linecard import embedded, pop_door
from linecard.staff import person
from registry import audit, pop_boxes, pops


def run(settings: Settings, act: str, code: str) -> int:
    """Do one of `invite`, `revoke`, `door`; raises StartError, NotFound."""
    with embedded.attached(settings, queue=True) as urls:
        if act == "door":
            return pop_door.run(settings, urls.queue)
        # A broker that `linecard up` runs has no URL in the settings.
        data = settings.data.model_copy(update={"queue_url": SecretStr(urls.queue)})
        settings = settings.model_copy(update={"data": data})
        database = db.Database(db.engine_of(urls.database))
        actor = audit.Actor(None, f"shell: {person()}")
        try:
            with database.transaction() as session:
                pop = pops.find(session, code)
                if act == "revoke":
                    pop_boxes.revoke(session, actor, pop.id, now=clock.now())
                    print(f"The box of {code} is shut out within seconds.")
                    return 0
                ring = secrets.Ring([key.get_secret_value() for key in settings.secrets.keys])
                minutes = settings.pops.invitation_minutes
                made = pop_boxes.invite(session, actor, pop.id, ring, now=clock.now(), minutes=minutes)
                print(pop_boxes.ticket(settings, made).text())
        finally:
            database.dispose()
    return 0
