// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/inventory.h"

#include <fmt/format.h>

#include <algorithm>

#include "parsimony/core/error.h"
#include "parsimony/data/palette.h"

namespace parsimony::data {

std::string Inventory::relative(const std::filesystem::path& file) const {
  return file.lexically_relative(root).generic_string();
}

Image read_picture(const Entry& entry) {
  Image image = read_image(entry.image);
  if (!entry.box) return image;
  const PixelBox& box = *entry.box;
  Image part(std::min(box.width, image.width - box.x), std::min(box.height, image.height - box.y));
  if (box.x < 0 || box.y < 0 || part.width <= 0 || part.height <= 0) {
    core::throw_user_error(
        "{}: sample '{}' is {}x{} pixels at ({}, {}), which lie outside the picture of {}x{}. "
        "Fetch the picture and its labels again: they do not belong together.",
        entry.image.string(),
        entry.id,
        box.width,
        box.height,
        box.x,
        box.y,
        image.width,
        image.height);
  }
  for (std::int64_t y = 0; y < part.height; ++y)
    std::copy_n(image.at(box.x, box.y + y), 3 * part.width, part.at(0, y));
  return part;
}

TargetSet wanted_of(TargetSet targets, const OpenOptions& options) {
  return options.targets.empty() ? targets : targets & options.targets;
}

bool same_shape(const ImageSize& a, const ImageSize& b) {
  return a.width * b.height == b.width * a.height;
}

void name_classes_by_number(Inventory& inventory, std::size_t count) {
  inventory.info.classes.clear();
  for (std::size_t id = 0; id < count; ++id) {
    inventory.info.classes.push_back(fmt::format("class {}", id));
  }
  inventory.info.palette = voc_palette(count);
}

}  // namespace parsimony::data
