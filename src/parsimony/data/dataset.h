// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "parsimony/data/image.h"

namespace parsimony::data {

enum class Split { kTrain, kVal, kTest };

std::string_view name_of(Split split);  // "train", "val", "test"

// What a data set says of itself, independent of any sample.
struct DatasetInfo {
  std::string name;
  std::string format;                // "folder", "pairs", "voc", "cityscapes", "camvid", "eg1800"
  std::vector<std::string> classes;  // index = class id
  std::vector<Rgb> palette;          // one display colour per class, always filled
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
  // Image and labels of equal size; label ids are below the class count or LabelMap::kIgnore.
  virtual Sample read(Split split, std::int64_t index) const = 0;
};

// Opens a data set folder whatever its layout (data/layouts.h). A user error says which layouts
// were looked for, and why none fits, when none does.
//
// Splits are those of the data set's own lists or sub-folders. What it lacks is made up the same
// way on every machine: ids are put in the order of the SHA-256 of their text; without any split
// the first 10 % are val, the next 10 % test and the rest train; with a train split only, its first
// 10 % become val and test stays empty. Plain folder pairs without classes.txt have their label
// maps read once on opening, to count the classes; nothing else reads pixels before `read`.
std::unique_ptr<Dataset> open_dataset(const std::filesystem::path& root);

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
