"""What a menu of texts may hold. Pure. Limits: Discord's reference, "String Select"."""

from tests.platforms.discord_server.errors import FormErrors
from tests.platforms.discord_server.forms import Field, Form, check_form
from tests.platforms.discord_server.wire import Json, listed

STRING_SELECT = 3

_OPTION: Form = {
    "label": Field("string", 100, 1, required=True),
    "value": Field("string", 100, 1, required=True),
    "description": Field("string", 100),
    "emoji": Field("object"),
    "default": Field("boolean"),
}
_SELECT: Form = {
    "type": Field("integer", required=True, choices=(STRING_SELECT,)),
    "id": Field("integer"),
    "custom_id": Field("string", 100, 1, required=True),
    "options": Field("list", 25, 1, required=True, form=_OPTION),
    "placeholder": Field("string", 150),
    "min_values": Field("integer", 25),
    "max_values": Field("integer", 25, 1),
    "required": Field("boolean"),
    "disabled": Field("boolean"),
}


def select_errors(item: Json) -> FormErrors:
    """Find what Discord refuses in a menu; no two of its options may have the same value."""
    errors = check_form(item, _SELECT)
    if errors:
        return errors
    values = [option["value"] for option in listed(item, "options")]
    for index, value in enumerate(values):
        if value in values[:index]:
            text = "The specified option value is already used"
            path = ("options", str(index), "value")
            errors.add(path, "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", text)
    return errors


def chosen_values(item: Json, wanted: tuple[str, ...]) -> list[str]:
    """Give the values of options named by label or value; `LookupError` if it can't be done."""
    by_name = {option["label"]: option["value"] for option in listed(item, "options")}
    by_name |= {option["value"]: option["value"] for option in listed(item, "options")}
    unknown = [name for name in wanted if name not in by_name]
    if unknown or not item.get("min_values", 1) <= len(wanted) <= item.get("max_values", 1):
        raise LookupError(f"{wanted} can not be chosen in this menu.")
    return [by_name[name] for name in wanted]
