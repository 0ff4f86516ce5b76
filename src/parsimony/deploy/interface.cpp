// SPDX-License-Identifier: Apache-2.0
#include "parsimony/deploy/interface.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace parsimony::deploy {

std::string_view ModelInterface::output_name() const {
  return output == OutputKind::kClasses ? "classes" : "logits";
}

std::string ModelInterface::preprocessing_text() const {
  return fmt::format(
      "RGB, float 1x3x{}x{}, values {}; {} (value / 255 - mean) / std with mean [{}] and std [{}]",
      height,
      width,
      normalise_inside ? "0..255" : "normalised",
      normalise_inside ? "the network computes" : "before the network compute",
      fmt::join(mean, ", "),
      fmt::join(deviation, ", "));
}

std::string ModelInterface::validate() const {
  if (height < 1 || width < 1) {
    return fmt::format("picture of {}x{} pixels, expected at least 1x1", height, width);
  }
  if (mean.size() != 3)
    return fmt::format("mean has {} values, expected 3 (red, green, blue)", mean.size());
  if (deviation.size() != 3) {
    return fmt::format("std has {} values, expected 3 (red, green, blue)", deviation.size());
  }
  if (!std::all_of(deviation.begin(), deviation.end(), [](double d) { return d > 0; })) {
    return fmt::format("std is [{}], expected values above 0", fmt::join(deviation, ", "));
  }
  return {};
}

void ModelInterface::visit(core::FieldVisitor& v) {
  v.field("height", height, {"height of the picture, pixels", 1, 65536});
  v.field("width", width, {"width of the picture, pixels", 1, 65536});
  v.field("keep_aspect",
          keep_aspect,
          {"whether pictures of another shape are padded to the size, else they are stretched"});
  v.field("normalise_inside",
          normalise_inside,
          {"whether the network takes 0..255 and normalises itself"});
  v.field("mean", mean, {"mean of red, green and blue in 0..1", -1e3, 1e3});
  v.field("std", deviation, {"standard deviation of red, green and blue in 0..1", 0, 1e3});
  v.choice("output", output, kOutputKindNames, {"what the network gives"});
  v.choice("ids", ids, kIdTypeNames, {"type of class ids, where the network gives them"});
}

}  // namespace parsimony::deploy
