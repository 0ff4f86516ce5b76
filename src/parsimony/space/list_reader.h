// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace parsimony::space {

// Reads the text form of genotypes, nested lists of numbers and names, character by character, so
// that an error can point at the column. Blanks are skipped. All errors are user errors.
class ListReader {
 public:
  // `form` shows in messages what a genotype looks like: "[[op, [p1,p2,o1,o2], ...], [[i,j],
  // ...]]".
  ListReader(std::string_view text, std::string_view form) : text_(text), form_(form) {}

  bool accept(char c);
  void expect(char c);
  void expect_end();
  // '[', then `read_item` once or more with ',' between, then ']'.
  template <typename ReadItem>
  void list(ReadItem read_item) {
    expect('[');
    do {
      read_item();
    } while (accept(','));
    expect(']');
  }
  // A number from 0 to bound - 1 that points at one of `bound` things: "entries of the decoder
  // pool".
  int index(int bound, std::string_view things);
  // The given word.
  void keyword(std::string_view word);
  // The position of the word that stands here in `names`, all of which are names of a `what`; an
  // unknown one is answered with the nearest.
  std::size_t name(std::span<const std::string_view> names, std::string_view what);
  // A number from 0 to bound - 1 that stands for a value of `what`, one of the `bound` `values`.
  int code(int bound, std::string_view what, std::string_view values);

 private:
  int number();
  std::string_view word();
  void skip_blanks();
  [[noreturn]] void fail(const std::string& expected) const;

  std::string_view text_, form_;
  std::size_t at_ = 0;
};

}  // namespace parsimony::space
