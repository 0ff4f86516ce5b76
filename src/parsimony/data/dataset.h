// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/data/image.h"
#include "parsimony/data/target.h"

namespace parsimony::data {

enum class Split { kTrain, kVal, kTest };

std::string_view name_of(Split split);  // "train", "val", "test"

// Classes that a score takes as one: confusions among them count as right (metric/confusion.h).
struct ClassGroup {
  std::string name;
  std::vector<int> classes;  // ids
  bool operator==(const ClassGroup&) const = default;
};

// What a label says something about.
enum class LabelKind {
  kPixels,   // segmentation: each pixel has a class of its own
  kPicture,  // classification: one class a picture; label maps hold it in every pixel
};

std::string_view name_of(LabelKind kind);  // "pixels", "picture"

// What a data set says of itself, independent of any sample.
struct DatasetInfo {
  std::string name;
  std::string format;                // the layout's name (data/layouts.h), or "memory"
  std::vector<std::string> classes;  // index = class id
  std::vector<Rgb> palette;          // one display colour per class, always filled
  MirrorPairs mirror_pairs = {};
  std::vector<ClassGroup> groups = {};  // those that the set's scores are published for
  LabelKind label_kind = LabelKind::kPixels;
  TargetSet targets = {Target::kClasses};  // what its samples are labelled with
  Skeleton skeleton = {};                  // Target::kPose: one person a picture
  // Target::kDepth: as how many numbers its files store a metre; 0 where it was not stored so.
  double depth_scale = 0;
};

// A labelled data set: a fixed list of samples per split, read on demand. Immutable after opening
// and safe to read from many threads. Opening reads lists and headers only, never pixels.
//
//   std::unique_ptr<Dataset> set = open_dataset("camvid");  // the layout is detected
//   Sample sample = set->read(Split::kTrain, 0);            // a user error names the file
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual const DatasetInfo& info() const = 0;
  virtual std::int64_t size(Split split) const = 0;
  virtual std::string id(Split split, std::int64_t index) const = 0;  // "0001TP_006690"
  // Image and labels of equal size; label ids are below the class count or LabelMap::kIgnore;
  // pairs that a mirror swaps are those of info(). With LabelKind::kPicture all label ids of a
  // sample are equal. It has labels, depth and pose as far as info().targets names them, and only
  // these were read. A pose has every joint of the skeleton.
  virtual Sample read(Split split, std::int64_t index) const = 0;
};

// In which order the parts of a CelebAMask-HQ face are painted over each other. It numbers the
// classes, too: background is 0, the first part 1.
enum class PartOrder { kOfficial, kBisenet };

// Choices that some layouts leave open; the others accept the defaults only.
struct OpenOptions {
  // What read() gives beside the picture; a user error where the set lacks one of them. Empty: all
  // that the set has.
  TargetSet targets = {Target::kClasses};
  // folder: the lists SPLIT_SUBSET.txt in the place of SPLIT.txt; empty: these.
  std::string subset = {};
  // Sets with depth: numbers per metre, in the place of what set or layout say; 0: what they say.
  double depth_scale = 0;
  // celebamask_hq. kBisenet is the order of a well-known face-parsing network (docs/datasets.md).
  PartOrder part_order = PartOrder::kOfficial;
  // helen: pixels whose most probable class has less than this probability are ignored; 0 to 1.
  double least_probability = 0;
};

// Opens a data set folder whatever its layout (data/layouts.h). A user error says which layouts
// were looked for, and why none fits, when none does.
//
// Splits are those of the data set's own lists or sub-folders. What it lacks is made up the same
// way on every machine: ids are put in the order of the SHA-256 of their text; without any split
// the first 10 % are val, the next 10 % test and the rest train; with a train split only, its first
// 10 % become val and test stays empty. Plain folder pairs without classes.txt have their label
// maps read once on opening, to count the classes; nothing else reads pixels before `read`.
std::unique_ptr<Dataset> open_dataset(const std::filesystem::path& root,
                                      const OpenOptions& options = {});

// A data set held in memory; for tests and for callers that make their own samples.
class MemoryDataset final : public Dataset {
 public:
  explicit MemoryDataset(DatasetInfo info) : info_(std::move(info)) {}
  void add(Split split, std::string id, Sample sample);
  const DatasetInfo& info() const override { return info_; }
  std::int64_t size(Split split) const override;
  std::string id(Split split, std::int64_t index) const override;
  Sample read(Split split, std::int64_t index) const override;

 private:
  struct Entry {
    std::string id;
    Sample sample;
  };
  DatasetInfo info_;
  std::vector<Entry> entries_[3];
};

}  // namespace parsimony::data
