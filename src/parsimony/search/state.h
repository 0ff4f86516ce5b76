// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "parsimony/core/error.h"
#include "parsimony/space/space.h"

namespace parsimony::search {

// The binary form of a search's state: what `Search::save` returns and `Search::load` reads.
//
//   StateWriter writer("ppo", space);          StateReader reader(state, "ppo", space);
//   writer.real(baseline);                     double baseline = reader.real();
//   writer.floats(weights);                    reader.floats(weights);
//   return std::move(writer).finish();         reader.finish();
//
// Numbers are stored with all their bits. A header names format and version, a SHA-256 guards the
// rest, and the first entries name the method and the space, so that a state which is damaged, of a
// later version, of another method or of another space is a user error before anything is read.
class StateWriter {
 public:
  StateWriter(std::string_view method, const space::SearchSpace& space);
  void integer(std::int64_t value);
  void real(double value);
  void optional_real(const std::optional<double>& value);
  void text(std::string_view value);
  void floats(std::span<const float> values);
  void tokens(const space::Tokens& tokens);
  std::string finish() &&;

 private:
  std::string payload_;
};

class StateReader {
 public:
  StateReader(std::string_view state, std::string_view method, const space::SearchSpace& space);
  std::int64_t integer();
  // A user error unless the stored number is `expected`; `what` names it: "ring slots".
  void expect(std::int64_t expected, std::string_view what);
  double real();
  std::optional<double> optional_real();
  std::string text();
  void floats(std::span<float> values);  // as many as were stored, or a user error
  space::Tokens tokens();                // valid in the space, or a user error
  void finish() const;                   // a user error if something is left

 private:
  std::string_view take(std::size_t bytes);
  std::string_view rest_;
  const space::SearchSpace& space_;
};

}  // namespace parsimony::search
