// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace parsimony::core {

// What a reader needs to know about one option beside its type.
struct FieldSpec {
  std::string_view help;  // one sentence: meaning, unit, source
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
};

// Options are plain structs whose fields are declared once, in `visit`; reading from YAML, writing
// back, bounds, help and `--set` follow from that one list (core/config.h):
//
//   struct SchedulerOptions {
//     double rate = 3e-3;
//     Policy policy = Policy::kPoly;
//     void visit(FieldVisitor& v) {
//       v.field("rate", rate, {"initial learning rate", 0, 10});
//       v.choice("policy", policy, kPolicyNames, {"how the rate decays"});
//     }
//   };
class FieldVisitor {
 public:
  virtual ~FieldVisitor() = default;

  virtual void field(std::string_view name, bool& value, const FieldSpec& spec) = 0;
  virtual void field(std::string_view name, std::int64_t& value, const FieldSpec& spec) = 0;
  virtual void field(std::string_view name, double& value, const FieldSpec& spec) = 0;
  virtual void field(std::string_view name, std::string& value, const FieldSpec& spec) = 0;
  virtual void field(std::string_view name,
                     std::vector<std::int64_t>& value,
                     const FieldSpec& spec) = 0;
  virtual void field(std::string_view name, std::vector<double>& value, const FieldSpec& spec) = 0;
  virtual void field(std::string_view name,
                     std::vector<std::string>& value,
                     const FieldSpec& spec) = 0;

  void field(std::string_view name, int& value, const FieldSpec& spec) {
    std::int64_t wide = value;
    FieldSpec bounded = spec;
    bounded.min = std::max(spec.min, static_cast<double>(std::numeric_limits<int>::min()));
    bounded.max = std::min(spec.max, static_cast<double>(std::numeric_limits<int>::max()));
    field(name, wide, bounded);
    value = static_cast<int>(wide);
  }

  // A closed set: `names[i]` is the text of the enumerator with value i.
  template <typename Enum, std::size_t N>
  void choice(std::string_view name,
              Enum& value,
              const std::array<std::string_view, N>& names,
              const FieldSpec& spec) {
    auto index = static_cast<std::size_t>(value);
    field_choice(name, index, names, spec);
    value = static_cast<Enum>(index);
  }

  // Options within options.
  template <typename Options>
  void group(std::string_view name, Options& options, std::string_view help) {
    if (!enter(name, help)) return;
    options.visit(*this);
    leave();
  }

 protected:
  virtual void field_choice(std::string_view name,
                            std::size_t& index,
                            std::span<const std::string_view> names,
                            const FieldSpec& spec) = 0;
  virtual bool enter(std::string_view name, std::string_view help) = 0;  // false: group is skipped
  virtual void leave() = 0;
};

}  // namespace parsimony::core
