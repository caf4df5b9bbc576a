"""The ImageNet weights that picture encoders start from, as a TFLite file."""

import pathlib

from keras_seqzoo.datasets.files import check_file, fetch_checked
from keras_seqzoo.datasets.source_files import SourceFiles
from keras_seqzoo.errors import UserError

WEIGHTS = "tf2_mobilenet_v2_1.0_224_ptq.tflite"
LABELS = "imagenet_labels.txt"


class MobileNetV2ImageNet(SourceFiles):
    """MobileNetV2 1.0, trained on ImageNet-1k at 224x224 and quantised afterwards.

    The convolutions' weights are int8 per channel with the batch norm folded in; the
    1,001 classes begin with the background.
    """

    name = "mobilenet_v2_imagenet"
    TITLE = "MobileNetV2's ImageNet weights"
    SOURCE = f"GitHub google-coral/test_data, {WEIGHTS}"
    HOMEPAGE = "https://github.com/google-coral/test_data"
    LICENCE = "Apache-2.0"
    CITATION = (
        "Sandler, Howard, Zhu, Zhmoginov, Chen, MobileNetV2: Inverted Residuals and "
        "Linear Bottlenecks, CVPR 2018, arXiv 1801.04381"
    )
    SHA256 = {
        WEIGHTS: "5d3137241276e79c86d14a74fe43581398ae0e815191d3dba45495b810840e8c",
        LABELS: "b8aaeb5630c62626a7d124a05c0e14230a7ffdd2136a31d0190a4fb71c1d82f1",
    }
    URL = "https://raw.githubusercontent.com/google-coral/test_data/master"


def weights_file(data_dir: str | None = None) -> pathlib.Path:
    """The TFLite file, checked.

    Args:
        data_dir: Folder of a local copy; None for the copy fetched earlier, or else
            the public source.

    Raises:
        UserError: The folder or file is not there, is another file or cannot be
            fetched.
    """
    source = MobileNetV2ImageNet
    if data_dir is not None:
        path = source.local_folder(data_dir) / WEIGHTS
    else:
        from keras_seqzoo.datasets.prepared import cache_folder

        path = cache_folder() / source.name / WEIGHTS
        if not path.exists():
            try:
                fetch_checked(f"{source.URL}/{WEIGHTS}", path, source.SHA256[WEIGHTS])
            except OSError as error:
                raise UserError(
                    f"{path}: cannot be written ({error.strerror}): set "
                    "KERAS_SEQZOO_HOME to another folder"
                ) from error
    check_file(path, source.SHA256[WEIGHTS])
    return path
