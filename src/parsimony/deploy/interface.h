// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/core/fields.h"
#include "parsimony/graph/graph.h"
#include "parsimony/graph/normalization.h"

namespace parsimony::deploy {

// What an exported network gives.
enum class OutputKind {
  kLogits,         // float [1, C, h, w] at the network's own, coarser resolution
  kPictureLogits,  // float [1, C, H, W], resized bilinearly to the picture inside the network
  kClasses,  // class ids [1, H, W]: the largest of the picture logits, the first one of equals
};
inline constexpr std::array<std::string_view, 3> kOutputKindNames = {
    "logits", "picture-logits", "classes"};

enum class IdType { kUint8, kInt64 };
inline constexpr std::array<std::string_view, 2> kIdTypeNames = {"uint8", "int64"};

// What goes into an exported network and what comes out: all that a program which runs it needs to
// know. The input is called "picture": float [1, 3, height, width], channels red, green, blue.
struct ModelInterface {
  int height = 0;  // of the picture, pixels
  int width = 0;
  // How a picture of another shape becomes one of this size: stretched, or scaled as far as it fits
  // and padded on both sides with the mean colour.
  bool keep_aspect = false;
  // True: the network takes values 0..255 and normalises them itself. False: whoever runs it
  // computes (value / 255 - mean) / deviation first.
  bool normalise_inside = false;
  // Red, green, blue.
  std::vector<double> mean{graph::kImagenetNormalization.mean.begin(),
                           graph::kImagenetNormalization.mean.end()};
  std::vector<double> deviation{graph::kImagenetNormalization.deviation.begin(),
                                graph::kImagenetNormalization.deviation.end()};
  OutputKind output = OutputKind::kLogits;
  IdType ids = IdType::kUint8;  // of kClasses

  graph::Size picture() const { return {height, width}; }
  // "logits" or "classes".
  std::string_view output_name() const;
  // "RGB, float 1x3x256x256; x = (value / 255 - mean) / std with ...", for people.
  std::string preprocessing_text() const;
  // Nothing when the values make sense, else what is wrong with them.
  std::string validate() const;

  void visit(core::FieldVisitor& v);
  bool operator==(const ModelInterface&) const = default;
};

}  // namespace parsimony::deploy
