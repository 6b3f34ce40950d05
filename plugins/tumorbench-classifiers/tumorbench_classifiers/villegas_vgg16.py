"""villegas VGG16: ImageNet's VGG16 up to fc2, frozen, under one new dense layer, as in A. Villegas' course work, "Transfer Learning".

    layer               224x224x3 input, output      parameters
    2 x conv 3x3        224 x 224 x  64          1,792   36,928
    pool 2x2            112 x 112 x  64
    2 x conv 3x3        112 x 112 x 128         73,856  147,584
    pool 2x2             56 x  56 x 128
    3 x conv 3x3         56 x  56 x 256        295,168  590,080  590,080
    pool 2x2             28 x  28 x 256
    3 x conv 3x3         28 x  28 x 512      1,180,160  2,359,808  2,359,808
    pool 2x2             14 x  14 x 512
    3 x conv 3x3         14 x  14 x 512      2,359,808  2,359,808  2,359,808
    pool 2x2              7 x   7 x 512
    flatten              25,088
    dense (fc1)          4,096                    102,764,544
    dense (fc2)          4,096                     16,781,312
    dense                4                             16,388
                                       total      134,276,932   (16,388 trainable: the last layer)

Train it: ``tumorbench run -d kaggle3264 -m villegas-vgg16 --protocol paper``. Figure to expect: the report's .29 is one constant class
(115 of 394). Only the last layer trains there, on features of images in [0, 1]; ``villegas-vgg16-imagenet`` differs in nothing but the
preprocessing that these weights were trained with.

The backbone is timm's ``vgg16`` without its head: fc1 is a 7x7 convolution there (the same weights), and feature maps of images under
224 pixels are stretched to 7 x 7 before it. Left open by the report and chosen here: the weights' source (torchvision's, through timm;
Keras ships the original Caffe ones), the optimizer (Adam at Keras' default rate), and Glorot-uniform weights of the new layer.
"""

from __future__ import annotations

import timm
from torch import nn

from tumorbench import Problem, TransferClassifier
from tumorbench_classifiers.initialisation import initialise_as_keras

__all__ = ["VillegasVGG16"]


class VillegasVGG16(TransferClassifier):
    """The report's table of layers, for any number of classes and any image of at least 32 pixels a side."""

    def __init__(self, problem: Problem) -> None:
        backbone = timm.create_model("vgg16", pretrained=False, num_classes=0, in_chans=problem.channels)
        super().__init__(problem, backbone, head=nn.Linear(backbone.head_hidden_size, problem.outputs))
        self.head.apply(initialise_as_keras)
