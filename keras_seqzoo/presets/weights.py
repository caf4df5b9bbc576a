"""The weights of a preset in a model, also under a new head."""

from typing import TYPE_CHECKING, Any

from keras_seqzoo.errors import PresetError, UserError
from keras_seqzoo.presets import store

if TYPE_CHECKING:
    from keras_seqzoo.models.zoo_model import ZooModel


def set_weights(model: "ZooModel", preset: store.Preset) -> None:
    """Give a model the weights of its preset.

    Raises:
        PresetError: One is missing, too many or of another shape.
    """
    variables = model.named_weights()
    file = f"{preset.source}/{store.WEIGHTS}"
    lacking = sorted(set(variables) - set(preset.weights))
    foreign = sorted(set(preset.weights) - set(variables))
    if lacking or foreign:
        raise PresetError(
            f"{file} does not fit {preset.config['architecture']}. "
            f"Weights it lacks: {', '.join(lacking) or 'none'}; "
            f"weights the model lacks: {', '.join(foreign) or 'none'}."
        )
    for name, variable in variables.items():
        value = preset.weights[name]
        if value.shape != tuple(variable.shape):
            raise PresetError(
                f"{file}: the weight {name!r} has shape {value.shape}, the model's "
                f"has {tuple(variable.shape)}."
            )
        variable.assign(value)


def check_body_kept(
    model_class: type["ZooModel"], config: dict, overrides: dict
) -> None:
    """Refuse overrides that make another function of the same weights.

    Args:
        model_class: The model's class.
        config: The preset's arguments.
        overrides: Those to load it with.

    Raises:
        UserError: One does, but for dropout.
    """

    def without_dropout(arguments: Any) -> Any:
        if not isinstance(arguments, dict):
            return arguments
        return {k: v for k, v in arguments.items() if "dropout" not in k}

    kept = {"cell", "cell_arguments", *model_class.asset_keys} - set(
        model_class.head_arguments
    )
    for key in sorted(kept & set(overrides)):
        if without_dropout(overrides[key]) != without_dropout(config.get(key)):
            raise _other_body(overrides, f"its `{key}`")


def copy_weights(source: "ZooModel", target: "ZooModel", overrides: dict) -> None:
    """Copy all weights, but not those of a new head.

    Args:
        source: The trained model.
        target: The model that `overrides` made of it.
        overrides: Arguments by name.

    Raises:
        UserError: The bodies differ.
    """
    replaced = target.head_layers if set(target.head_arguments) & set(overrides) else ()
    old, new = source.named_weights(), target.named_weights()
    for name in sorted(set(old) | set(new)):
        if name.split("/")[0] in replaced:
            continue
        if name not in old or name not in new or old[name].shape != new[name].shape:
            raise _other_body(overrides, f"its weight {name!r}")
        new[name].assign(old[name])


def _other_body(overrides: dict, what: str) -> UserError:
    keys = ", ".join(f"{key}=..." for key in overrides)
    return UserError(
        f"load({keys}) would change the body ({what}), and load keeps the body; make "
        "another body with create()."
    )
