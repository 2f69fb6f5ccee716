"""What gunicorn serves: `gunicorn -c python:linecard.gunicorn_conf webapp.wsgi:app`."""

import gc

from core import logs
from core import settings as settings_of
from webapp import factory

_settings = settings_of.load()
logs.set_up(_settings.logs.level, is_json=_settings.logs.is_json)
app = factory.create_app(_settings)
# What the application is made of never becomes garbage: looking through it again and again stops requests,
# and writes to pages of memory that forked workers share.
gc.collect()
gc.freeze()
