// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/graph/deeplab.h"
#include "parsimony/graph/normalization.h"
#include "parsimony/weights/tensor_file.h"

// Weights of TensorFlow's DeepLabV3 on MobileNet-v2 (without atrous branches and decoder), as
// safetensors with the encoder named as torchvision names it: features.*, aspp0.0 and .1,
// image_pooling.0 and .1, concat_projection.0 and .1, logits.
namespace parsimony::supernet {

// value / 127.5 - 1, TensorFlow's.
inline constexpr graph::Normalization kSymmetricNormalization = {{0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}};

// What the arrays of a file do not tell; without a side-car, what TensorFlow's networks have.
struct DeeplabFacts {
  int output_stride = 16;
  double epsilon = 1e-5;  // of all batch norms
  graph::Normalization normalization = kSymmetricNormalization;
  std::vector<std::string> classes;  // their names; empty where the side-car lists none
};

// Reads the JSON beside a file: `graph.nodes` (op conv2d with weight and stride, op batch_norm with
// eps), `preprocessing.formula`, `classes`. A user error names `source` and what is missing or not
// understood: batch norms of several epsilons, another formula than "pixel/127.5 - 1".
DeeplabFacts deeplab_facts(std::string_view json, const std::string& source);

// Which of our DeepLabs has arrays of these shapes, for the output stride given.
struct DeeplabDesign {
  graph::DeeplabOptions options;
  int classes = 0;
};
// A user error that names `source` and the array that is missing, superfluous or of another shape
// than in the network which the others make up.
DeeplabDesign deeplab_design(const weights::ArrayMap& file,
                             int output_stride,
                             const std::string& source);

// The file's arrays under the names of the design's graph, in single precision, for pictures
// normalised as Parsimony does. Exact conversions:
//
//  * epsilon: running_var' = running_var + epsilon - 1e-5;
//  * normalisation: the first convolution's W'[:, c] = W[:, c] d_c / d'_c, where d' is the file's
//    deviation, and what the means differ by goes into its batch norm's running_mean. Exact but at
//    the picture's border, where both pad with their own zero: the file's network with mid-grey,
//    ours with ImageNet's mean colour.
//
// What remains different from the source is what differs in all our graphs (graph/deeplab.h);
// TensorFlow resizes with align_corners = true.
weights::ArrayMap deeplab_weights(const weights::ArrayMap& file,
                                  const DeeplabDesign& design,
                                  const DeeplabFacts& facts,
                                  const std::string& source);

// All of the above: a file in any format of weights/tensor_files.h, and the JSON of the same name
// beside it, if there is one.
struct ImportedDeeplab {
  DeeplabDesign design;
  DeeplabFacts facts;
  weights::ArrayMap weights;
};
ImportedDeeplab import_deeplab(const std::filesystem::path& file);

}  // namespace parsimony::supernet
