// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/fetch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/weights/file_lock.h"
#include "parsimony/weights/test_server.h"

namespace parsimony::weights {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using Reply = TestServer::Reply;
using Request = TestServer::Request;

class RecordingProgress final : public core::ProgressObserver {
 public:
  void advance(const core::Progress& progress) override {
    const std::lock_guard lock(mutex_);
    done = progress.done;
    total = progress.total;
    if (on_advance) on_advance();
  }
  double done = 0;
  double total = 0;
  std::function<void()> on_advance;

 private:
  std::mutex mutex_;
};

std::string make_content(std::size_t size) {
  std::string content(size, '\0');
  for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<char>(i * 31 + i / 256);
  return content;
}

std::size_t range_start(const Request& request) {
  const auto found = request.headers.find("range");
  return found == request.headers.end() ? 0 : std::stoul(found->second.substr(6));
}

// A well-behaved server of one file with a strong ETag.
Reply serve(const Request& request, const std::string& content, const std::string& etag) {
  const std::string tag = "\r\nETag: \"" + etag + "\"";
  const std::size_t start = range_start(request);
  const auto condition = request.headers.find("if-range");
  const bool same = condition == request.headers.end() || condition->second == "\"" + etag + "\"";
  if (start == 0 || !same) return {"200 OK" + tag, content};
  return {fmt::format("206 Partial Content{}\r\nContent-Range: bytes {}-{}/{}",
                      tag,
                      start,
                      content.size() - 1,
                      content.size()),
          content.substr(start)};
}

class FetchTest : public testing::Test {
 protected:
  FetchTest() {
    // A proxy of the machine must not get between the test and its server.
    ::setenv("no_proxy", "127.0.0.1", 1);
  }

  FetchRequest request(const std::string& url, const std::string& sha256) const {
    return {.source = url, .sha256 = sha256, .destination = destination_, .stall_seconds = 2};
  }

  template <typename... Args>
  std::string fetch_error(const Args&... args) {
    try {
      fetch(request(args...), context_);
    } catch (const core::Error& e) {
      EXPECT_EQ(e.kind(), core::ErrorKind::kUser);
      return e.what();
    }
    return "no error";
  }

  void expect_only_destination(bool present) const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(destination_.parent_path())) {
      names.push_back(entry.path().filename());
    }
    EXPECT_EQ(names, present ? std::vector<std::string>{"w.pth"} : std::vector<std::string>{});
  }

  core::TemporaryFolder folder_;
  std::filesystem::path destination_ = folder_.path() / "new" / "w.pth";
  std::string content_ = make_content(300'000);
  std::string sum_ = core::sha256(content_);
  core::SilentLog log_;
  RecordingProgress progress_;
  core::StopFlag stop_;
  core::Context context_{log_, progress_, stop_};
};

TEST_F(FetchTest, DownloadsVerifiesAndKeeps) {
  const TestServer server([&](const Request& r) { return serve(r, content_, "1"); });
  const FetchResult first = fetch(request(server.url("/w.pth"), sum_.substr(0, 8)), context_);
  EXPECT_EQ(first.outcome, FetchOutcome::kDownloaded);
  EXPECT_EQ(first.file, destination_);
  EXPECT_EQ(first.bytes, 300'000);
  EXPECT_EQ(first.sha256, sum_);
  EXPECT_TRUE(first.verified);
  EXPECT_EQ(core::read_text_file(destination_), content_);
  EXPECT_EQ(progress_.done, 300'000);
  EXPECT_EQ(progress_.total, 300'000);
  expect_only_destination(true);

  const FetchResult second = fetch(request(server.url("/w.pth"), sum_), context_);
  EXPECT_EQ(second.outcome, FetchOutcome::kAlreadyThere);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(FetchTest, WithoutASumTheFileIsTakenUnverified) {
  const TestServer server([&](const Request& r) { return serve(r, content_, "1"); });
  const FetchResult result = fetch(request(server.url("/w.pth"), ""), context_);
  EXPECT_EQ(result.outcome, FetchOutcome::kDownloaded);
  EXPECT_FALSE(result.verified);
  EXPECT_EQ(result.sha256, sum_);
}

TEST_F(FetchTest, EmptyFileArrives) {
  const TestServer server([&](const Request& r) { return serve(r, "", "1"); });
  EXPECT_EQ(fetch(request(server.url("/w.pth"), core::sha256("")), context_).bytes, 0);
}

TEST_F(FetchTest, BrokenConnectionIsContinuedByRange) {
  std::atomic<int> calls{0};
  const TestServer server([&](const Request& r) {
    Reply reply = serve(r, content_, "1");
    if (calls++ < 2) reply.cut = 100'000;
    return reply;
  });
  EXPECT_EQ(fetch(request(server.url("/w.pth"), sum_), context_).outcome,
            FetchOutcome::kDownloaded);
  ASSERT_EQ(server.requests().size(), 3U);
  EXPECT_EQ(server.requests()[1].headers.at("range"), "bytes=100000-");
  EXPECT_EQ(server.requests()[1].headers.at("if-range"), "\"1\"");
  EXPECT_EQ(server.requests()[2].headers.at("range"), "bytes=200000-");
  expect_only_destination(true);
}

TEST_F(FetchTest, LaterCallContinuesWhatAnEarlierOneLeft) {
  std::atomic<bool> broken{true};
  const TestServer server([&](const Request& r) {
    Reply reply = serve(r, content_, "1");
    if (broken) reply.cut = range_start(r) == 0 ? 150'000 : 0;
    return reply;
  });
  EXPECT_THAT(fetch_error(server.url("/w.pth"), sum_),
              AllOf(HasSubstr("146.5 KiB are kept"), HasSubstr(destination_.string())));
  EXPECT_FALSE(std::filesystem::exists(destination_));
  EXPECT_EQ(std::filesystem::file_size(destination_.string() + ".part"), 150'000U);

  broken = false;
  EXPECT_EQ(fetch(request(server.url("/w.pth"), sum_), context_).outcome,
            FetchOutcome::kDownloaded);
  EXPECT_EQ(range_start(server.requests().back()), 150'000U);
  expect_only_destination(true);
}

TEST_F(FetchTest, PartOfAnotherUrlIsNotContinued) {
  const TestServer server([&](const Request& r) {
    Reply reply = serve(r, content_, "1");
    if (r.path == "/other") reply.cut = range_start(r) == 0 ? 1000 : 0;
    return reply;
  });
  fetch_error(server.url("/other"), "");
  fetch(request(server.url("/w.pth"), sum_), context_);
  EXPECT_FALSE(server.requests().back().headers.contains("range"));
}

TEST_F(FetchTest, ServerThatIgnoresRangeIsReadFromTheStart) {
  std::atomic<int> calls{0};
  const TestServer server([&](const Request&) {
    Reply reply{"200 OK", content_};
    if (calls++ == 0) reply.cut = 100'000;
    return reply;
  });
  EXPECT_EQ(fetch(request(server.url("/w.pth"), sum_), context_).outcome,
            FetchOutcome::kDownloaded);
  ASSERT_EQ(server.requests().size(), 2U);
  EXPECT_EQ(server.requests()[1].headers.at("range"), "bytes=100000-");
}

TEST_F(FetchTest, FileThatChangedMeanwhileIsReadAnew) {
  std::atomic<int> calls{0};
  const std::string old(300'000, 'o');
  const TestServer server([&](const Request& r) {
    if (calls++ > 0) return serve(r, content_, "new");
    Reply reply = serve(r, old, "old");
    reply.cut = 100'000;
    return reply;
  });
  EXPECT_EQ(fetch(request(server.url("/w.pth"), sum_), context_).outcome,
            FetchOutcome::kDownloaded);
  EXPECT_EQ(core::read_text_file(destination_), content_);
}

TEST_F(FetchTest, ServerThatIgnoresIfRangeIsNoticed) {
  std::atomic<int> calls{0};
  const std::string old(300'000, 'o');
  const TestServer server([&](Request r) {
    r.headers.erase("if-range");
    if (calls++ > 0) return serve(r, content_, "new");
    Reply reply = serve(r, old, "old");
    reply.cut = 100'000;
    return reply;
  });
  EXPECT_EQ(fetch(request(server.url("/w.pth"), sum_), context_).outcome,
            FetchOutcome::kDownloaded);
  ASSERT_EQ(server.requests().size(), 3U);
  EXPECT_FALSE(server.requests()[2].headers.contains("range"));
}

TEST_F(FetchTest, PartThatIsAlreadyWholeOrTooLong) {
  std::atomic<bool> shorter{false};
  const std::string half = content_.substr(0, 1000);
  const TestServer server([&](const Request& r) -> Reply {
    const std::string& file = shorter ? half : content_;
    if (range_start(r) >= file.size()) {
      return {fmt::format("416 Range Not Satisfiable\r\nContent-Range: bytes */{}", file.size()),
              ""};
    }
    return serve(r, file, "1");
  });
  const auto leave_part = [&] {
    std::filesystem::create_directories(destination_.parent_path());
    core::write_file_atomic(destination_.string() + ".part", content_);
    core::write_file_atomic(
        destination_.string() + ".part.json",
        fmt::format(R"({{"url":"{}","etag":"\"1\"","last_modified":"","total":300000}})",
                    server.url("/w.pth")));
  };
  leave_part();
  fetch(request(server.url("/w.pth"), sum_), context_);
  EXPECT_EQ(server.requests().size(), 1U);

  std::filesystem::remove(destination_);
  leave_part();
  shorter = true;
  fetch(request(server.url("/w.pth"), core::sha256(half)), context_);
  EXPECT_EQ(core::read_text_file(destination_), half);
}

TEST_F(FetchTest, WrongContentIsDeletedAndBothSumsNamed) {
  const TestServer server([&](const Request& r) { return serve(r, content_, "1"); });
  EXPECT_THAT(fetch_error(server.url("/w.pth"), "00000000"),
              AllOf(StartsWith(server.url("/w.pth")), HasSubstr(sum_), HasSubstr("00000000")));
  expect_only_destination(false);
}

TEST_F(FetchTest, PresentFileWithAnotherSumIsNotTouched) {
  core::write_file_atomic(destination_, "mine");
  EXPECT_THAT(fetch_error("http://127.0.0.1:9/w.pth", sum_),
              AllOf(HasSubstr(core::sha256("mine")), HasSubstr(sum_)));
  EXPECT_EQ(core::read_text_file(destination_), "mine");
}

TEST_F(FetchTest, WebPageInPlaceOfWeightsIsRefused) {
  const TestServer server([](const Request&) { return Reply{"200 OK", "\n<!DOCTYPE HTML><p>"}; });
  EXPECT_THAT(fetch_error(server.url("/w.pth"), ""), HasSubstr("brought a web page"));
  expect_only_destination(false);
}

TEST_F(FetchTest, RedirectsAreFollowed) {
  const TestServer server([&](const Request& r) -> Reply {
    if (r.path == "/old") return {"302 Found\r\nETag: \"9\"\r\nLocation: /new", "moved"};
    return serve(r, content_, "1");
  });
  EXPECT_EQ(fetch(request(server.url("/old"), sum_), context_).bytes, 300'000);
  EXPECT_EQ(server.requests().back().path, "/new");
}

TEST_F(FetchTest, EndlessRedirectsEnd) {
  const TestServer server([](const Request&) { return Reply{"302 Found\r\nLocation: /x", ""}; });
  EXPECT_THAT(fetch_error(server.url("/x"), sum_), HasSubstr("redirects"));
}

TEST_F(FetchTest, MissingFileOnTheServer) {
  const TestServer server([](const Request&) { return Reply{"404 Not Found", "no"}; });
  EXPECT_THAT(fetch_error(server.url("/w.pth"), sum_),
              AllOf(HasSubstr(server.url("/w.pth")), HasSubstr("404")));
  EXPECT_EQ(server.requests().size(), 1U);
  expect_only_destination(false);
}

TEST_F(FetchTest, OfflineErrorSaysWhereToPutTheFile) {
  const std::string url = fmt::format("http://127.0.0.1:{}/w.pth", unused_port());
  EXPECT_THAT(fetch_error(url, sum_.substr(0, 8)),
              AllOf(HasSubstr(url),
                    HasSubstr("connect"),
                    HasSubstr("put it (its SHA-256 begins with " + sum_.substr(0, 8) + ") at " +
                              destination_.string())));
  expect_only_destination(false);
}

TEST_F(FetchTest, SilentServerIsGivenUp) {
  const TestServer server([&](const Request& r) {
    Reply reply = serve(r, content_, "1");
    reply.cut = 0;
    reply.hang_seconds = 600;
    return reply;
  });
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(fetch_error(server.url("/w.pth"), sum_), HasSubstr("too slow"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(300));
}

TEST_F(FetchTest, StopFlagEndsATransferAndKeepsItsPart) {
  const TestServer server([&](const Request& r) {
    Reply reply = serve(r, content_, "1");
    reply.cut = 100'000;
    reply.hang_seconds = 60;
    return reply;
  });
  // Not before bytes have arrived, so that there is a part to keep.
  progress_.on_advance = [&] {
    if (progress_.done >= 100'000) stop_.request();
  };
  FetchRequest patient = request(server.url("/w.pth"), sum_);
  patient.stall_seconds = 60;
  const FetchResult result = fetch(patient, context_);
  EXPECT_EQ(result.outcome, FetchOutcome::kStopped);
  EXPECT_FALSE(std::filesystem::exists(destination_));
  EXPECT_EQ(std::filesystem::file_size(destination_.string() + ".part"), 100'000U);
}

TEST_F(FetchTest, ConcurrentCallsBringTheFileOnce) {
  const TestServer server([&](const Request& r) { return serve(r, content_, "1"); });
  std::vector<FetchOutcome> outcomes(6);
  std::vector<std::thread> threads;
  for (FetchOutcome& outcome : outcomes) {
    threads.emplace_back(
        [&] { outcome = fetch(request(server.url("/w.pth"), sum_), context_).outcome; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::count(outcomes.begin(), outcomes.end(), FetchOutcome::kDownloaded), 1);
  EXPECT_EQ(std::count(outcomes.begin(), outcomes.end(), FetchOutcome::kAlreadyThere), 5);
  EXPECT_EQ(server.requests().size(), 1U);
  expect_only_destination(true);
}

TEST_F(FetchTest, WaitingForAnotherCanBeStopped) {
  std::filesystem::create_directories(destination_.parent_path());
  const auto lock = FileLock::try_acquire(destination_.string() + ".lock");
  ASSERT_NE(lock, nullptr);
  stop_.request();
  EXPECT_EQ(fetch(request("http://127.0.0.1:9/w.pth", sum_), context_).outcome,
            FetchOutcome::kStopped);
}

TEST_F(FetchTest, BadRequestsAreRefused) {
  EXPECT_THAT(fetch_error("mobilenet_v2_torchvison_v1", ""),
              HasSubstr("did you mean 'mobilenet_v2_torchvision_v1'"));
  EXPECT_THAT(fetch_error("file:///etc/passwd", ""), HasSubstr("expected an http(s) URL"));
  EXPECT_THAT(fetch_error("http://127.0.0.1:9/w", "123"), HasSubstr("checksum '123'"));
  EXPECT_THAT(fetch_error("http://127.0.0.1:9/w", "zzzzzzzz"), HasSubstr("checksum 'zzzzzzzz'"));
}

TEST_F(FetchTest, KnownNamesGoToTheirUrlSumAndCache) {
  // A proxy that is not there stands for a machine without a network.
  const core::TemporaryFolder cache;
  ::setenv("PARSIMONY_CACHE", cache.path().c_str(), 1);
  ::setenv("https_proxy", fmt::format("http://127.0.0.1:{}", unused_port()).c_str(), 1);
  std::string message;
  try {
    fetch({.source = "mobilenet_v2_torchvision_v1"}, context_);
  } catch (const core::Error& e) {
    message = e.what();
  }
  ::unsetenv("https_proxy");
  ::unsetenv("PARSIMONY_CACHE");
  EXPECT_THAT(message,
              AllOf(HasSubstr("https://download.pytorch.org/models/mobilenet_v2-b0353104.pth"),
                    HasSubstr("b0353104) at " + cache.path().string() +
                              "/weights/mobilenet_v2-b0353104.pth")));
}

TEST(FileLock, IsHeldOnceAndLeavesNothing) {
  const core::TemporaryFolder folder;
  const auto file = folder.path() / "l";
  {
    const auto lock = FileLock::try_acquire(file);
    ASSERT_NE(lock, nullptr);
    EXPECT_EQ(FileLock::try_acquire(file), nullptr);
  }
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_NE(FileLock::try_acquire(file), nullptr);
}

}  // namespace
}  // namespace parsimony::weights
