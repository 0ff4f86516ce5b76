// SPDX-License-Identifier: Apache-2.0
#include "parsimony/objective/scalarization.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"

namespace parsimony::objective {
namespace {

constexpr std::string_view kExample = "reward * (params / 500000)^-0.6";

// Reads a text from left to right; every step says what it expected where it stopped.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Scalarization read() {
    Scalarization result;
    result.quality = name(Direction::kMaximize, "a score to maximise, such as reward or miou");
    while (accept('*')) result.factors.push_back(factor());
    if (accept_word("unless")) {
      do {
        result.unless.push_back(below());
      } while (accept_word("and"));
    }
    skip_blanks();
    if (!rest().empty())
      fail(result.unless.empty() ? "'*', 'unless' or the end" : "'and' or the end");
    return result;
  }

 private:
  std::vector<Power> factor() {
    expect('(', "a factor in parentheses");
    if (next_is_name()) return {power_behind_parenthesis(1)};
    std::vector<Power> sum;
    do {
      sum.push_back(weighted_power());
    } while (accept('+'));
    expect(')', "'+' or ')'");
    return sum;
  }

  Power weighted_power() {
    double weight = 1;
    if (!accept('(')) {
      weight = number("a weight");
      if (weight <= 0) fail_value("a weight above 0", weight);
      expect('*', "'*' behind a weight");
      expect('(', "a power in parentheses");
    }
    return power_behind_parenthesis(weight);
  }

  Power power_behind_parenthesis(double weight) {
    Power power;
    power.weight = weight;
    power.cost = name(Direction::kMinimize, "a cost, such as params or latency_ms.gap8");
    expect('/', "'/' and a target behind a cost");
    power.target = number("a target");
    if (power.target <= 0) fail_value("a target above 0", power.target);
    expect(')', "')' behind a target");
    expect('^', "'^' and an exponent");
    power.exponent = number("an exponent");
    if (power.exponent > 0) {
      fail_value("an exponent of at most 0, as what is cheaper must not get less", power.exponent);
    }
    return power;
  }

  Scalarization::Below below() {
    Scalarization::Below bound;
    bound.name = name(std::nullopt, "a score or cost");
    expect('<', "'<' and a bound");
    bound.bound = number("a bound");
    return bound;
  }

  std::string name(std::optional<Direction> direction, std::string_view expected) {
    skip_blanks();
    if (!next_is_name()) fail(expected);
    const auto is_part = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-' ||
             c == ':';
    };
    std::size_t length = 0;
    while (length < rest().size() && is_part(rest()[length])) ++length;
    const std::string result(rest().substr(0, length));
    const Objective objective = known(result);
    if (direction && objective.direction != *direction) fail(expected);
    at_ += length;
    return result;
  }

  Objective known(const std::string& name) const {
    try {
      return objective_by_name(name);
    } catch (const core::Error& error) {
      core::throw_user_error("reward '{}': {}", text_, error.what());
    }
  }

  double number(std::string_view expected) {
    skip_blanks();
    double value = 0;
    const char* begin = rest().data();
    const auto [end, error] = std::from_chars(begin, begin + rest().size(), value);
    if (error != std::errc() || !std::isfinite(value)) fail(fmt::format("{}, a number", expected));
    at_ += static_cast<std::size_t>(end - begin);
    return value;
  }

  bool next_is_name() {
    skip_blanks();
    return !rest().empty() && std::isalpha(static_cast<unsigned char>(rest()[0])) != 0;
  }

  bool accept(char sign) {
    skip_blanks();
    if (rest().empty() || rest()[0] != sign) return false;
    ++at_;
    return true;
  }

  bool accept_word(std::string_view word) {
    skip_blanks();
    if (!rest().starts_with(word)) return false;
    const std::string_view behind = rest().substr(word.size());
    if (!behind.empty() && behind[0] != ' ') return false;
    at_ += word.size();
    return true;
  }

  void expect(char sign, std::string_view expected) {
    if (!accept(sign)) fail(expected);
  }

  void skip_blanks() {
    while (!rest().empty() && std::isspace(static_cast<unsigned char>(rest()[0])) != 0) ++at_;
  }

  std::string_view rest() const { return text_.substr(at_); }

  [[noreturn]] void fail(std::string_view expected) const {
    core::throw_user_error("reward '{}': expected {} at {}, for example {}",
                           text_,
                           expected,
                           rest().empty() ? "its end" : fmt::format("'{}'", rest()),
                           kExample);
  }
  [[noreturn]] void fail_value(std::string_view expected, double found) const {
    core::throw_user_error("reward '{}': expected {}, found {}", text_, expected, found);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

std::optional<double> find(const std::string& name, const Scores& scores, const Scores& costs) {
  for (const Scores* values : {&scores, &costs}) {
    if (const auto found = values->find(name); found != values->end()) return found->second;
  }
  return std::nullopt;
}

std::string to_text(const Power& power) {
  return fmt::format("({} / {})^{}", power.cost, power.target, power.exponent);
}

std::string to_text(const std::vector<Power>& sum) {
  if (sum.size() == 1 && sum[0].weight == 1) return to_text(sum[0]);
  std::vector<std::string> terms;
  for (const Power& power : sum)
    terms.push_back(fmt::format("{} * {}", power.weight, to_text(power)));
  return fmt::format("({})", core::join(terms, " + "));
}

}  // namespace

Scalarization parse_scalarization(std::string_view text) {
  return Reader(text).read();
}

std::string to_text(const Scalarization& scalarization) {
  std::string text = scalarization.quality;
  for (const auto& sum : scalarization.factors) text += " * " + to_text(sum);
  std::string_view word = " unless ";
  for (const Scalarization::Below& below : scalarization.unless) {
    text += fmt::format("{}{} < {}", word, below.name, below.bound);
    word = " and ";
  }
  return text;
}

std::vector<std::string> names_in(const Scalarization& scalarization) {
  std::vector<std::string> names = {scalarization.quality};
  for (const auto& sum : scalarization.factors)
    for (const Power& power : sum) names.push_back(power.cost);
  for (const Scalarization::Below& below : scalarization.unless) names.push_back(below.name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::optional<double> evaluate(const Scalarization& scalarization,
                               const Scores& scores,
                               const Scores& costs) {
  const auto quality = find(scalarization.quality, scores, costs);
  if (!quality) return std::nullopt;
  bool dropped = !scalarization.unless.empty();
  for (const Scalarization::Below& below : scalarization.unless) {
    const auto value = find(below.name, scores, costs);
    if (!value) return std::nullopt;
    dropped = dropped && *value < below.bound;
  }
  double result = *quality;
  for (const auto& sum : scalarization.factors) {
    double factor = 0;
    for (const Power& power : sum) {
      const auto cost = find(power.cost, scores, costs);
      if (!cost) return std::nullopt;
      factor += power.weight * (dropped ? 1 : std::pow(*cost / power.target, power.exponent));
    }
    result *= factor;
  }
  return std::isfinite(result) ? std::optional(result) : std::nullopt;
}

}  // namespace parsimony::objective
