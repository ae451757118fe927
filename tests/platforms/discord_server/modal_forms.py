"""What a modal and a list of choices may hold. Pure.

Limits: Discord's reference, "Modal", "Label", "Text Input", "String Select", "Autocomplete".
"""

from tests.platforms.discord_server.errors import FormErrors
from tests.platforms.discord_server.forms import Field, Form, check_form
from tests.platforms.discord_server.select_forms import STRING_SELECT, select_errors
from tests.platforms.discord_server.wire import Json, listed

CHOICES_FORM: Form = {
    "choices": Field(
        "list",
        25,
        required=True,
        form={
            "name": Field("string", 100, 1, required=True),
            "name_localizations": Field("object"),
            "value": Field("string", 100, 1, required=True),
        },
    )
}

_ROW, _LABEL = 1, 18
_TEXT_INPUT: Form = {
    "type": Field("integer", required=True, choices=(4,)),
    "id": Field("integer"),
    "custom_id": Field("string", 100, 1, required=True),
    "style": Field("integer", required=True, choices=(1, 2)),
    "label": Field("string", 45),
    "min_length": Field("integer", 4000),
    "max_length": Field("integer", 4000, 1),
    "required": Field("boolean"),
    "value": Field("string", 4000),
    "placeholder": Field("string", 100),
}
_PART: Form = {
    "type": Field("integer", required=True, choices=(_ROW, _LABEL)),
    "id": Field("integer"),
    "label": Field("string", 45, 1),
    "description": Field("string", 100),
    "component": Field("object"),
    "components": Field("list", 1, 1, form=_TEXT_INPUT),
}
_MODAL: Form = {
    "custom_id": Field("string", 100, 1, required=True),
    "title": Field("string", 45, 1, required=True),
    "components": Field("list", 5, 1, required=True, form=_PART),
}


def checked_modal(data: Json) -> Json:
    """Give a modal that people can fill in; raises 50035 for one that Discord refuses."""
    errors = check_form(data, _MODAL)
    if not errors:
        for index, part in enumerate(listed(data, "components")):
            _check_part(part, ("components", str(index)), errors)
    errors.raise_if_any()
    return data


def _check_part(part: Json, path: tuple[str, ...], errors: FormErrors) -> None:
    wanted = ("label", "component") if part["type"] == _LABEL else ("components",)
    for name in wanted:
        if not part.get(name):
            errors.add((*path, name), "BASE_TYPE_REQUIRED", "This field is required")
    field: Json = part.get("component") or {}
    if field.get("type") == STRING_SELECT:
        errors.extend((*path, "component"), select_errors(field))
    elif field:
        errors.extend((*path, "component"), check_form(field, _TEXT_INPUT))
