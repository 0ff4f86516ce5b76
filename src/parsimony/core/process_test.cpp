// SPDX-License-Identifier: Apache-2.0
#include "parsimony/core/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>

namespace parsimony::core {
namespace {

class LastWordsTest : public ::testing::Test {
 protected:
  LastWordsTest() { EXPECT_EQ(::pipe2(ends_.data(), O_CLOEXEC | O_NONBLOCK), 0); }
  ~LastWordsTest() override {
    ::close(ends_[0]);
    hang_up();
  }
  void say(std::string_view text) {
    ASSERT_EQ(::write(ends_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void hang_up() {
    if (ends_[1] >= 0) ::close(ends_[1]);
    ends_[1] = -1;
  }
  bool listen() { return words_.read_from(ends_[0]); }

  LastWords words_;
  std::array<int, 2> ends_ = {-1, -1};
};

TEST_F(LastWordsTest, AreWhatWasSaidLast) {
  say("first ");
  EXPECT_TRUE(listen());
  say("last\n");
  EXPECT_TRUE(listen());
  EXPECT_TRUE(listen());  // there is nothing, and no waiting for more
  EXPECT_EQ(words_.text(), "; its last words: first last");
  say("!");
  hang_up();
  EXPECT_FALSE(listen());
  EXPECT_EQ(words_.text(), "; its last words: first last\n!");
}

TEST_F(LastWordsTest, AreOnlyTheEndOfALongSpeech) {
  for (int i = 0; i < 50; ++i) {
    say(std::string(1000, 'a'));
    if (i % 7 == 0) {
      EXPECT_TRUE(listen());
    }
  }
  say("the end");
  EXPECT_TRUE(listen());
  const std::string text = words_.text();
  EXPECT_TRUE(text.ends_with("aaathe end"));
  EXPECT_LT(text.size(), 2100u);
}

TEST_F(LastWordsTest, DoNotSteerATerminal) {
  say("\x1b[31mred\a\tand\nnext");
  EXPECT_TRUE(listen());
  EXPECT_EQ(words_.text(), "; its last words:  [31mred  and\nnext");
}

TEST_F(LastWordsTest, MayBeNone) {
  say(" \n");
  hang_up();
  EXPECT_FALSE(listen());
  EXPECT_EQ(words_.text(), "");
}

}  // namespace
}  // namespace parsimony::core
