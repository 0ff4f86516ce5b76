// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/data/dataset.h"

namespace parsimony::data {

// Some classes of a data set under one new name.
struct ClassMerge {
  static constexpr std::string_view kIgnoreName = "ignore";  // as `name`: pixels do not count
  std::string name;
  std::vector<std::string> classes;
};

// Reads "eyes=l_eye,r_eye".
ClassMerge parse_merge(std::string_view text);

// What becomes of a data set whose classes are merged.
struct ClassMap {
  DatasetInfo info;                     // of the merged set
  std::array<std::uint8_t, 256> ids{};  // old id to new id or kIgnore
};

// Classes that no merge names stay. A merged class stands where its first class stood and takes its
// colour; if the merges name every class, new ids are in their order instead. Mirror pairs follow;
// groups whose classes were merged with others are dropped. A user error when a class is unknown or
// named twice, when two classes would share a name, when nothing is left, or when sides would no
// longer match: merging l_eye with nose, but not r_eye, makes a class without a mirror image.
ClassMap merge_classes(const DatasetInfo& info, std::span<const ClassMerge> merges);

// Named maps between published sets, for `import --merge NAME`.
struct MergePreset {
  std::string_view name;
  std::string_view description;
  ClassMap (*make)(const DatasetInfo& info);
};
std::span<const MergePreset> merge_presets();

// The map that some arguments of `import --merge` ask for: one preset's name or "NAME=CLASS,CLASS"
// several times.
ClassMap merge_map(const DatasetInfo& info, std::span<const std::string> arguments);

// A data set seen through a class map.
class MergedDataset final : public Dataset {
 public:
  MergedDataset(std::unique_ptr<Dataset> source, ClassMap map)
      : source_(std::move(source)), map_(std::move(map)) {}
  const DatasetInfo& info() const override { return map_.info; }
  std::int64_t size(Split split) const override { return source_->size(split); }
  std::string id(Split split, std::int64_t index) const override {
    return source_->id(split, index);
  }
  Sample read(Split split, std::int64_t index) const override;

 private:
  std::unique_ptr<Dataset> source_;
  ClassMap map_;
};

}  // namespace parsimony::data
