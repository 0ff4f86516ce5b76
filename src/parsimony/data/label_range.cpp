// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/label_range.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "parsimony/core/parallel.h"
#include "parsimony/data/label_parts.h"

namespace parsimony::data {

Histogram count_ids(const LabelMap& labels) {
  Histogram histogram{};
  for (const std::uint8_t id : labels.ids) ++histogram[id];
  return histogram;
}

void add_to(Histogram& sum, const Histogram& part) {
  std::ranges::transform(sum, part, sum.begin(), std::plus<>());
}

std::size_t implied_classes(const Histogram& histogram) {
  std::size_t count = LabelMap::kIgnore;
  while (count > 0 && histogram[count - 1] == 0) --count;
  return count;
}

bool is_mask_0_255(const Histogram& histogram) {
  return histogram[LabelMap::kIgnore] > 0 && implied_classes(histogram) == 1;
}

Finding mask_0_255_finding(const std::string& file, const Histogram& histogram) {
  return {
      FindingKind::kMask0255,
      Severity::kError,
      file,
      fmt::format(
          "only the values 0 ({} pixels) and 255 ({} pixels) occur: a black-and-white mask. 255 "
          "means 'ignore' in label maps, so the object would never be learned",
          histogram[0],
          histogram[LabelMap::kIgnore]),
      "store the object as 1: python3 -c \"import sys, numpy as n; from PIL import Image as I; "
      "[I.fromarray((n.array(I.open(f).convert('L')) > 127).astype('uint8')).save(f) for f in "
      "sys.argv[1:]]\" FOLDER_OF_LABELS/*.png"};
}

void settle_classes(Inventory& inventory, const Histogram& histogram, const std::string& file) {
  if (is_mask_0_255(histogram)) inventory.findings.push_back(mask_0_255_finding(file, histogram));
  name_classes_by_number(inventory, implied_classes(histogram));
  inventory.coding = LabelCoding::identity(inventory.info.classes.size(), LabelMap::kIgnore);
  inventory.classes_from_labels = false;
}

void infer_classes(Inventory& inventory, int threads) {
  std::vector<const Entry*> entries;
  for (const std::vector<Entry>& split : inventory.splits) {
    for (const Entry& entry : split) entries.push_back(&entry);
  }
  Histogram histogram{};
  std::mutex mutex;
  core::parallel_for(static_cast<std::int64_t>(entries.size()), threads, [&](std::int64_t i) {
    const Histogram part = count_ids(read_labels(*entries[static_cast<std::size_t>(i)], inventory));
    const std::lock_guard lock(mutex);
    add_to(histogram, part);
  });
  settle_classes(inventory, histogram, inventory.relative(entries.front()->labels));
}

}  // namespace parsimony::data
