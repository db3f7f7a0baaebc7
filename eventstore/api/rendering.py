"""JSON without binary floats: REST framework's own encoder turns a bare Decimal into one."""

from decimal import Decimal
from typing import Any

from rest_framework.renderers import JSONRenderer
from rest_framework.utils.encoders import JSONEncoder


class ExactEncoder(JSONEncoder):
    def default(self, obj: Any) -> Any:
        return str(obj) if isinstance(obj, Decimal) else super().default(obj)


class ExactJsonRenderer(JSONRenderer):
    encoder_class = ExactEncoder
