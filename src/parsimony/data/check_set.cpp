// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "parsimony/core/text.h"
#include "parsimony/data/check_sample.h"

namespace parsimony::data {
namespace {

class SetDiagnosis {
 public:
  SetDiagnosis(const SplitFacts& samples, Inventory& inventory)
      : samples_(samples), inventory_(inventory) {
    for (const Split split : kSplits) {
      for (const SampleFacts& facts : of(split)) add_to(totals_[index(split)], facts.histogram());
      add_to(total_, totals_[index(split)]);
    }
  }

  std::vector<Finding> run() {
    find_empty_splits();
    if (inventory_.info.targets.contains(Target::kClasses)) diagnose_classes();
    find_duplicates();
    return std::move(findings_);
  }

 private:
  static std::size_t index(Split split) { return static_cast<std::size_t>(split); }
  const std::vector<SampleFacts>& of(Split split) const { return samples_[index(split)]; }

  void diagnose_classes() {
    if (inventory_.classes_from_labels) {
      settle_inferred_classes();
    } else {
      find_masks_0_255();
      find_off_by_one();
      find_rare_classes();
    }
  }

  bool by_picture() const { return inventory_.info.label_kind == LabelKind::kPicture; }
  std::string_view unit() const { return by_picture() ? "picture" : "pixel"; }

  // Calls visit(split, entry, facts) for every sample.
  template <typename Visit>
  void for_each(const Visit& visit) const {
    for (const Split split : kSplits) {
      for (std::size_t i = 0; i < of(split).size(); ++i) {
        visit(split, inventory_.at(split)[i], of(split)[i]);
      }
    }
  }

  void add(FindingKind kind,
           Severity severity,
           std::string file,
           std::string detail,
           std::string remedy) {
    findings_.push_back({kind, severity, std::move(file), std::move(detail), std::move(remedy)});
  }

  void find_empty_splits() {
    for (const Split split : kSplits) {
      if (!of(split).empty()) continue;
      const Severity severity = split == Split::kTrain ? Severity::kError
                                : split == Split::kVal ? Severity::kWarning
                                                       : Severity::kNote;
      add(FindingKind::kEmptySplit,
          severity,
          "",
          fmt::format("the {} split has no complete sample", name_of(split)),
          split == Split::kTest ? "nothing to do unless you want to report test scores"
                                : fmt::format("add {} to {}",
                                              by_picture() ? "pictures of every class"
                                                           : "samples with picture and labels",
                                              name_of(split)));
    }
  }

  std::string first_file_with_ignore() const {
    std::string file;
    for_each([&](Split, const Entry& entry, const SampleFacts& facts) {
      if (file.empty() && facts.pixels_of(LabelMap::kIgnore) > 0)
        file = inventory_.relative(entry.labels);
    });
    return file;
  }

  void settle_inferred_classes() {
    const std::size_t before = inventory_.findings.size();
    settle_classes(inventory_, total_, first_file_with_ignore());
    std::move(inventory_.findings.begin() + static_cast<std::ptrdiff_t>(before),
              inventory_.findings.end(),
              std::back_inserter(findings_));
    inventory_.findings.resize(before);

    std::vector<std::string> holes;
    for (std::size_t id = 0; id < inventory_.info.classes.size(); ++id) {
      if (total_[id] == 0) holes.push_back(std::to_string(id));
    }
    if (holes.empty()) return;
    const std::size_t classes = inventory_.info.classes.size();
    holes.resize(std::min<std::size_t>(holes.size(), 12));
    add(FindingKind::kSparseIds,
        Severity::kWarning,
        "",
        fmt::format("the largest id in the labels is {}, so there are {} classes, but some ids "
                    "never occur: {}{}",
                    classes - 1,
                    classes,
                    core::join(holes, ", "),
                    holes.size() == 12 ? ", ..." : ""),
        "number the classes 0, 1, 2, ... without gaps, or name all of them in classes.txt");
  }

  void find_masks_0_255() {
    if (inventory_.info.classes.size() < 2 || by_picture()) return;
    if (is_mask_0_255(total_)) {
      findings_.push_back(mask_0_255_finding(first_file_with_ignore(), total_));
      return;
    }
    if (inventory_.info.classes.size() > 2)
      return;  // files of background and void are normal there
    for_each([&](Split, const Entry& entry, const SampleFacts& facts) {
      if (!facts.strange.empty() || !is_mask_0_255(facts.histogram())) return;
      Finding finding = mask_0_255_finding(inventory_.relative(entry.labels), facts.histogram());
      finding.severity = Severity::kWarning;
      finding.detail +=
          "; other label maps of the set use 1, so this one seems to be of another origin";
      findings_.push_back(std::move(finding));
    });
  }

  void find_off_by_one() {
    const std::size_t classes = inventory_.info.classes.size();
    std::int64_t pixels = 0;
    std::string file;
    bool others = false;
    for_each([&](Split, const Entry& entry, const SampleFacts& facts) {
      for (const StrangeValue& strange : facts.strange) {
        if (strange.value != classes) {
          others = true;
          continue;
        }
        pixels += strange.pixels;
        if (file.empty()) file = inventory_.relative(entry.labels);
      }
    });
    if (pixels == 0 || others) return;
    const bool from_one = total_[0] == 0;
    add(FindingKind::kOffByOneClasses,
        Severity::kError,
        file,
        fmt::format("the only wrong value is {} ({} pixels), exactly the number of classes{}",
                    classes,
                    pixels,
                    from_one ? ", and 0 never occurs: ids were counted from 1"
                             : ": one class is not named"),
        from_one ? "subtract 1 from every class id in the label maps"
                 : "name the missing class (often 'background' as the first one) in the list of "
                   "classes, or map "
                   "the value to 255 if it means void");
  }

  void find_rare_classes() {
    for (std::size_t id = 0; id < inventory_.info.classes.size(); ++id) {
      const std::string& name = inventory_.info.classes[id];
      if (!of(Split::kTrain).empty() && totals_[index(Split::kTrain)][id] == 0) {
        add(FindingKind::kEmptyClass,
            Severity::kWarning,
            "",
            fmt::format("class {} '{}' has no {} in train{}",
                        id,
                        name,
                        unit(),
                        total_[id] == 0
                            ? " nor anywhere else"
                            : fmt::format(", but {} in the other splits",
                                          by_picture() ? "some" : std::to_string(total_[id]))),
            "add training pictures that show it, or remove the class");
        continue;
      }
      for (const Split split : {Split::kVal, Split::kTest}) {
        if (of(split).empty() || totals_[index(split)][id] > 0) continue;
        // Which classes a scene shows is chance; a validation picture of each class is easily had.
        const bool avoidable = by_picture() && split == Split::kVal;
        add(FindingKind::kClassMissingInSplit,
            avoidable ? Severity::kWarning : Severity::kNote,
            "",
            fmt::format("class {} '{}' has no {} in {}: it does not count in scores there",
                        id,
                        name,
                        unit(),
                        name_of(split)),
            avoidable ? "put some of its pictures into val"
                      : "nothing to do if the split is given; else move a picture that shows it");
      }
    }
  }

  void find_duplicates() {
    struct First {
      Split split;
      const Entry* entry;
    };
    std::unordered_map<std::string, First> seen;
    for_each([&](Split split, const Entry& entry, const SampleFacts& facts) {
      if (facts.image_hash.empty()) return;
      const auto [first, is_new] = seen.emplace(facts.image_hash, First{split, &entry});
      if (is_new) return;
      const std::string other = inventory_.relative(first->second.entry->image);
      if (first->second.split == split) {
        add(FindingKind::kDuplicateWithinSplit,
            Severity::kWarning,
            inventory_.relative(entry.image),
            fmt::format("has the same pixels as {} (both in {})", other, name_of(split)),
            "remove one of the two samples");
      } else {
        add(FindingKind::kDuplicateAcrossSplits,
            Severity::kWarning,
            inventory_.relative(entry.image),
            fmt::format("is in {} and has the same pixels as {} in {}: scores would be too good",
                        name_of(split),
                        other,
                        name_of(first->second.split)),
            "take one of the two out of its split; out of train, to keep test scores comparable "
            "with others");
      }
    });
  }

  const SplitFacts& samples_;
  Inventory& inventory_;
  std::array<Histogram, 3> totals_{};
  Histogram total_{};
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> diagnose_set(const SplitFacts& samples, Inventory& inventory) {
  return SetDiagnosis(samples, inventory).run();
}

}  // namespace parsimony::data
