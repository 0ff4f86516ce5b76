// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cctype>
#include <string>
#include <string_view>
#include <vector>

namespace parsimony::graph {

// Reads XML markup as strictly as a browser reads a file of it: tags must balance, attributes be
// quoted and stand once, entities be known. The fault in words, or nothing.
class XmlCheck {
 public:
  explicit XmlCheck(std::string_view text) : text_(text) {}

  std::string fault() {
    while (at_ < text_.size() && fault_.empty()) {
      if (text_[at_] == '<') {
        tag();
      } else if (open_.empty() && std::isspace(static_cast<unsigned char>(text_[at_])) == 0) {
        fail("text outside the root element");
      } else {
        character();
      }
    }
    if (fault_.empty() && !open_.empty()) fail("<" + open_.back() + "> is not closed");
    return fault_;
  }

 private:
  void fail(const std::string& what) {
    fault_ = what + " near '" + std::string(text_.substr(at_, 60)) + "'";
  }

  void character() {
    if (text_[at_] == '&') {
      const auto end = text_.find(';', at_);
      const std::string_view name =
          text_.substr(at_ + 1, end == std::string_view::npos ? 0 : end - at_ - 1);
      if (name != "amp" && name != "lt" && name != "gt" && name != "quot" && name != "#39")
        return fail("unknown entity");
    }
    ++at_;
  }

  std::string name() {
    const std::size_t begin = at_;
    while (at_ < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '-'))
      ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  void tag() {
    ++at_;
    if (text_.substr(at_, 1) == "/") {
      ++at_;
      const std::string closed = name();
      if (open_.empty() || open_.back() != closed) return fail("</" + closed + "> closes nothing");
      open_.pop_back();
      if (text_.substr(at_, 1) != ">") return fail("expected >");
      ++at_;
      return;
    }
    const std::string opened = name();
    if (opened.empty()) return fail("a tag without a name");
    std::vector<std::string> attributes;
    for (;;) {
      while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
      if (text_.substr(at_, 1) == ">") {
        ++at_;
        open_.push_back(opened);
        return;
      }
      if (text_.substr(at_, 2) == "/>") {
        at_ += 2;
        return;
      }
      attributes.push_back(name());
      for (std::size_t i = 0; i + 1 < attributes.size(); ++i) {
        if (attributes[i] == attributes.back())
          return fail("attribute " + attributes.back() + " stands twice");
      }
      if (attributes.back().empty() || text_.substr(at_, 2) != "=\"")
        return fail("expected an attribute");
      at_ += 2;
      while (at_ < text_.size() && text_[at_] != '"' && fault_.empty()) {
        if (text_[at_] == '<') return fail("< in an attribute");
        character();
      }
      ++at_;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<std::string> open_;
  std::string fault_;
};

inline std::string xml_fault(std::string_view text) {
  return XmlCheck(text).fault();
}

inline std::size_t occurrences(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size()))
    ++count;
  return count;
}

}  // namespace parsimony::graph
