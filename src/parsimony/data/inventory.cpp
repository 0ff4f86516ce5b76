// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/inventory.h"

#include <fmt/format.h>

#include "parsimony/data/palette.h"

namespace parsimony::data {

std::string Inventory::relative(const std::filesystem::path& file) const {
  return file.lexically_relative(root).generic_string();
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
