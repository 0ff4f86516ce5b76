// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/merge.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <set>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"
#include "parsimony/data/face_classes.h"

namespace parsimony::data {
namespace {

constexpr std::array<MergePreset, 1> kPresets = {
    MergePreset{"celebamask_hq-to-helen",
                "CelebAMask-HQ in the eleven classes of HELEN, sides exchanged",
                celebamask_hq_to_helen}};

constexpr std::size_t kUnmerged = static_cast<std::size_t>(-1);

std::size_t id_of(std::string_view name, const DatasetInfo& info, const ClassMerge& merge) {
  const auto found = std::ranges::find(info.classes, name);
  if (found == info.classes.end()) {
    core::throw_user_error("merge '{}': data set '{}' has no class '{}'{} Its classes: {}",
                           merge.name,
                           info.name,
                           name,
                           core::did_you_mean(name, info.classes),
                           core::join(info.classes, ", "));
  }
  return static_cast<std::size_t>(found - info.classes.begin());
}

// For every class the merge that names it, or kUnmerged.
std::vector<std::size_t> assign(const DatasetInfo& info, std::span<const ClassMerge> merges) {
  std::vector<std::size_t> merge_of(info.classes.size(), kUnmerged);
  for (std::size_t m = 0; m < merges.size(); ++m) {
    for (const std::string& name : merges[m].classes) {
      std::size_t& target = merge_of[id_of(name, info, merges[m])];
      if (target != kUnmerged) {
        core::throw_user_error(
            "merge '{}': class '{}' is named twice (also in '{}'); expected every class in one "
            "merge at most",
            merges[m].name,
            name,
            merges[target].name);
      }
      target = m;
    }
  }
  return merge_of;
}

// Old ids in the order in which they ask for a new one.
std::vector<std::size_t> order_of(const std::vector<std::size_t>& merge_of) {
  std::vector<std::size_t> ids(merge_of.size());
  std::iota(ids.begin(), ids.end(), std::size_t{0});
  if (std::ranges::find(merge_of, kUnmerged) == merge_of.end()) {
    std::ranges::stable_sort(ids, {}, [&merge_of](std::size_t id) { return merge_of[id]; });
  }
  return ids;
}

// Gives every class its new id and the new classes their names and colours.
void number_classes(const DatasetInfo& info, std::span<const ClassMerge> merges, ClassMap& map) {
  const std::vector<std::size_t> merge_of = assign(info, merges);
  std::vector<std::optional<std::uint8_t>> id_of_merge(merges.size());
  std::set<std::string_view> names;
  for (const std::size_t old : order_of(merge_of)) {
    const std::size_t m = merge_of[old];
    if (m != kUnmerged && id_of_merge[m]) {
      map.ids[old] = *id_of_merge[m];
      continue;
    }
    const std::string& name = m == kUnmerged ? info.classes[old] : merges[m].name;
    std::uint8_t id = LabelMap::kIgnore;
    if (m == kUnmerged || name != ClassMerge::kIgnoreName) {
      if (!names.insert(name).second) {
        core::throw_user_error(
            "merge '{}': two classes of the merged set would have this name; choose another, or "
            "name all classes that belong together in one merge",
            name);
      }
      id = static_cast<std::uint8_t>(map.info.classes.size());
      map.info.classes.push_back(name);
      map.info.palette.push_back(info.palette[old]);
    }
    map.ids[old] = id;
    if (m != kUnmerged) id_of_merge[m] = id;
  }
  if (map.info.classes.empty()) {
    core::throw_user_error("merge '{}': no class of data set '{}' is left; keep one at least",
                           ClassMerge::kIgnoreName,
                           info.name);
  }
}

std::string name_of_new(std::uint8_t id, const ClassMap& map) {
  return std::string(id == LabelMap::kIgnore ? ClassMerge::kIgnoreName
                                             : std::string_view(map.info.classes[id]));
}

// A mirrored merged picture must be the merged mirrored picture: classes that became one need
// mirror images that became one.
void carry_mirror_pairs(const DatasetInfo& info, ClassMap& map) {
  std::array<std::uint8_t, 256> mirror{};
  std::iota(mirror.begin(), mirror.end(), std::uint8_t{0});
  for (const auto& [left, right] : info.mirror_pairs) std::swap(mirror[left], mirror[right]);

  std::array<std::uint8_t, 256> image{};
  std::array<bool, 256> known{};
  image[LabelMap::kIgnore] = LabelMap::kIgnore;
  known[LabelMap::kIgnore] = true;
  for (std::size_t old = 0; old < info.classes.size(); ++old) {
    const std::uint8_t id = map.ids[old];
    const std::uint8_t other = map.ids[mirror[old]];
    if (known[id] && image[id] != other) {
      core::throw_user_error(
          "merge: class '{}' of data set '{}' goes to '{}', but in a mirror it is '{}', which goes "
          "to '{}', unlike the mirror images of the other classes there. Merge both sides alike",
          info.classes[old],
          info.name,
          name_of_new(id, map),
          info.classes[mirror[old]],
          name_of_new(other, map));
    }
    known[id] = true;
    image[id] = other;
  }
  for (std::size_t id = 0; id < map.info.classes.size(); ++id) {
    if (image[id] > id)
      map.info.mirror_pairs.emplace_back(static_cast<std::uint8_t>(id), image[id]);
  }
}

// A group stays when its classes were merged among themselves at most.
void carry_groups(const DatasetInfo& info, ClassMap& map) {
  for (const ClassGroup& group : info.groups) {
    const auto is_member = [&group](std::size_t old) {
      return std::ranges::find(group.classes, static_cast<int>(old)) != group.classes.end();
    };
    std::set<int> members, others;
    for (std::size_t old = 0; old < info.classes.size(); ++old) {
      if (map.ids[old] != LabelMap::kIgnore)
        (is_member(old) ? members : others).insert(map.ids[old]);
    }
    const bool pure = std::ranges::none_of(members, [&](int id) { return others.contains(id); });
    if (pure && !members.empty())
      map.info.groups.push_back({group.name, {members.begin(), members.end()}});
  }
}

}  // namespace

ClassMerge parse_merge(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::string_view name = core::trim(text.substr(0, equals));
  if (equals == std::string_view::npos || name.empty() ||
      core::trim(text.substr(equals + 1)).empty())
    core::throw_user_error("merge '{}': expected NAME=CLASS,CLASS", text);
  ClassMerge merge{std::string(name), {}};
  for (const std::string& part : core::split(text.substr(equals + 1), ','))
    merge.classes.emplace_back(core::trim(part));
  return merge;
}

ClassMap merge_classes(const DatasetInfo& info, std::span<const ClassMerge> merges) {
  ClassMap map;
  map.info.name = info.name;
  map.info.format = info.format;
  map.info.label_kind = info.label_kind;
  map.info.targets = info.targets;
  map.info.skeleton = info.skeleton;
  map.info.depth_scale = info.depth_scale;
  map.ids.fill(LabelMap::kIgnore);
  number_classes(info, merges, map);
  carry_mirror_pairs(info, map);
  carry_groups(info, map);
  return map;
}

std::span<const MergePreset> merge_presets() {
  return kPresets;
}

ClassMap merge_map(const DatasetInfo& info, std::span<const std::string> arguments) {
  const auto preset = std::ranges::find_if(kPresets, [&arguments](const MergePreset& known) {
    return std::ranges::find(arguments, known.name) != arguments.end();
  });
  if (preset != kPresets.end()) {
    if (arguments.size() > 1) {
      core::throw_user_error("merge '{}': stands alone; take out the other {} merges",
                             preset->name,
                             arguments.size() - 1);
    }
    return preset->make(info);
  }
  std::vector<ClassMerge> merges;
  for (const std::string& text : arguments) merges.push_back(parse_merge(text));
  return merge_classes(info, merges);
}

Sample MergedDataset::read(Split split, std::int64_t index) const {
  Sample sample = source_->read(split, index);
  for (std::uint8_t& id : sample.labels.ids) id = map_.ids[id];
  sample.mirror_pairs = map_.info.mirror_pairs;
  return sample;
}

}  // namespace parsimony::data
