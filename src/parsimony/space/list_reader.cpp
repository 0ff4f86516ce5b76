// SPDX-License-Identifier: Apache-2.0
#include "parsimony/space/list_reader.h"

#include <algorithm>
#include <cctype>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"

namespace parsimony::space {

bool ListReader::accept(char c) {
  skip_blanks();
  if (at_ == text_.size() || text_[at_] != c) return false;
  ++at_;
  return true;
}

void ListReader::expect(char c) {
  if (!accept(c)) fail(fmt::format("'{}'", c));
}

void ListReader::expect_end() {
  skip_blanks();
  if (at_ != text_.size()) fail("the end of the text");
}

int ListReader::index(int bound, std::string_view things) {
  skip_blanks();
  const std::size_t column = at_ + 1;
  const int value = number();
  if (value >= bound) {
    core::throw_user_error(
        "genotype '{}', column {}: index {} points past the {} {} that exist there; expected 0 to {}",
        text_,
        column,
        value,
        bound,
        things,
        bound - 1);
  }
  return value;
}

int ListReader::code(int bound, std::string_view what, std::string_view values) {
  skip_blanks();
  const std::size_t column = at_ + 1;
  const int value = number();
  if (value >= bound) {
    core::throw_user_error(
        "genotype '{}', column {}: {} {} is not one of the {} {}; expected 0 to {}",
        text_,
        column,
        what,
        value,
        bound,
        values,
        bound - 1);
  }
  return value;
}

void ListReader::keyword(std::string_view expected) {
  skip_blanks();
  const std::size_t begin = at_;
  if (word() == expected) return;
  at_ = begin;
  fail(fmt::format("'{}'", expected));
}

std::size_t ListReader::name(std::span<const std::string_view> names, std::string_view what) {
  skip_blanks();
  const std::size_t column = at_ + 1;
  const std::string_view found = word();
  if (found.empty()) fail(fmt::format("the name of an {}", what));
  const auto known = std::ranges::find(names, found);
  if (known == names.end()) {
    core::throw_user_error("genotype '{}', column {}: unknown {} '{}'{} Known: {}",
                           text_,
                           column,
                           what,
                           found,
                           core::did_you_mean(found, names),
                           core::join(names, ", "));
  }
  return static_cast<std::size_t>(known - names.begin());
}

std::string_view ListReader::word() {
  skip_blanks();
  const std::size_t begin = at_;
  while (at_ < text_.size() &&
         (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_'))
    ++at_;
  return text_.substr(begin, at_ - begin);
}

int ListReader::number() {
  skip_blanks();
  if (at_ == text_.size() || std::isdigit(static_cast<unsigned char>(text_[at_])) == 0)
    fail("a number");
  int value = 0;
  while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])) != 0) {
    value = std::min(value * 10 + (text_[at_] - '0'), 1'000'000);
    ++at_;
  }
  return value;
}

void ListReader::skip_blanks() {
  while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
}

void ListReader::fail(const std::string& expected) const {
  const std::string found =
      at_ < text_.size() ? fmt::format("'{}'", text_[at_]) : "the end of the text";
  core::throw_user_error("genotype '{}', column {}: expected {}, found {}. The form is {}",
                         text_,
                         at_ + 1,
                         expected,
                         found,
                         form_);
}

}  // namespace parsimony::space
