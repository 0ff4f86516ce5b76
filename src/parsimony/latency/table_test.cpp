// SPDX-License-Identifier: Apache-2.0
#include "parsimony/latency/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/core/rng.h"
#include "parsimony/latency/networks_for_test.h"
#include "parsimony/latency/profile.h"

namespace parsimony::latency {
namespace {

using testing::HasSubstr;

// A device whose times are known: 0.01 ms, 2 ms per million multiply-accumulates, 3 ms per million
// values.
double true_ms(const Work& work) {
  const auto maps = work.kind == WorkKind::kAdd ? static_cast<double>(work.inputs.size()) : 1.0;
  return 0.01 + 2e-6 * static_cast<double>(work.macs()) +
         3e-6 * (maps * static_cast<double>(work.in.elements()) +
                 static_cast<double>(work.out.elements() + work.weights()));
}

TableDevice table_of(const std::vector<Work>& works) {
  TableDevice device;
  for (const Work& work : works) device.works.push_back(to_row({work, true_ms(work)}));
  return device;
}

TEST(Table, FindsWhatItHolds) {
  const std::vector<Work> works = mobilenet_v2(128, 1.0);
  TableDevice device = table_of(works);
  const TableTimes times = table_times(device, works);
  EXPECT_EQ(times.interpolated, 0);
  for (std::size_t i = 0; i < works.size(); ++i)
    EXPECT_NEAR(times.milliseconds[i], true_ms(works[i]), 1e-5 * true_ms(works[i]));
  device.scale = 0.5;
  EXPECT_DOUBLE_EQ(table_times(device, works).milliseconds[3], 0.5 * times.milliseconds[3]);
}

TEST(Table, InterpolatesWhatItDoesNotHold) {
  const std::vector<Work> held = mobilenet_v2(128, 1.0);
  const std::vector<Work> asked = mobilenet_v2(192, 0.75);
  const TableTimes times = table_times(table_of(held), asked);
  EXPECT_GT(times.interpolated, 20);
  for (std::size_t i = 0; i < asked.size(); ++i)
    EXPECT_NEAR(times.milliseconds[i], true_ms(asked[i]), 0.02 * true_ms(asked[i])) << i;
}

TEST(Table, BorrowsRowsOfOtherKindsAndNeverGoesBelowZero) {
  // One kind only, with times that fall as works grow: no coefficient may become negative.
  std::vector<Work> works;
  for (const int width : {8, 16, 32, 64})
    works.push_back(ChainBuilder(8, width, width).conv(8, 1).works().front());
  TableDevice device;
  for (std::size_t i = 0; i < works.size(); ++i)
    device.works.push_back(to_row({works[i], 1.0 / static_cast<double>(i + 1)}));
  const std::vector<Work> asked = mobilenet_v2(224, 1.4);
  const TableTimes times = table_times(device, asked);
  EXPECT_EQ(times.interpolated, static_cast<int>(asked.size()));
  for (const double ms : times.milliseconds) EXPECT_GE(ms, 0);
  EXPECT_GT(times.milliseconds.front(), 0);
}

TEST(Table, WorksThatTakeNoTimeAreNoTrap) {
  TableDevice device;
  for (const Work& work : mobilenet_v2(128, 1.0)) device.works.push_back(to_row({work, 0}));
  for (const double ms : table_times(device, mobilenet_v1(128, 1.0)).milliseconds) EXPECT_EQ(ms, 0);
}

TEST(Row, ReadsBackAndIsRefusedWhenDamaged) {
  const Work work = ChainBuilder(24, 64, 48).conv(40, 3, 2, 6).works().front();
  const std::string row = to_row({work, 0.125});
  EXPECT_EQ(row, "convolution 24x64x48 40x32x24 k3 s2 d6 g1 n1 0.125");
  const MeasuredWork read = parse_row(row);
  EXPECT_EQ(table_key(read.work), table_key(work));
  EXPECT_EQ(read.work.macs(), work.macs());
  EXPECT_EQ(read.milliseconds, 0.125);

  const auto error_of = [](const std::string& text) -> std::string {
    try {
      parse_row(text);
    } catch (const core::Error& error) {
      EXPECT_EQ(error.kind(), core::ErrorKind::kUser);
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(error_of("convolutoin 1x1x1 1x1x1 k1 s1 d1 g1 n1 1"),
              testing::AllOf(HasSubstr("convolutoin"), HasSubstr("did you mean 'convolution'")));
  for (const char* bad : {"",
                          "add",
                          "add 1x1x1 1x1x1 k1 s1 d1 g1 n1 -1",
                          "add 1x1x1 1x1x1 k1 s1 d1 g1 n1 nan",
                          "add 1x1x1 1x1x1 k1 s1 d1 g1 n1 1e400",
                          "add 1x1x1 1x1x1 k1 s1 d1 g1 n1 1ms",
                          "add 1x1 1x1x1 k1 s1 d1 g1 n1 1",
                          "add 1x1x0 1x1x1 k1 s1 d1 g1 n1 1",
                          "add 1x1x1 1x1x99999999999999999999 k1 s1 d1 g1 n1 1",
                          "add 1x1x1 1x1x1 s1 k1 d1 g1 n1 1",
                          "add 1x1x1 1x1x1 k1 s1 d1 g0 n1 1",
                          "add 65536x65536x65536 1x1x1 k65536 s1 d1 g1 n1 1",
                          "add 1x1x1 1x1x1 k1 s1 d1 g1 n1 1 1"})
    EXPECT_THAT(error_of(bad), HasSubstr("expected")) << bad;

  // Whatever is cut, doubled or exchanged: a row or a user error.
  core::Rng rng(7);
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = row;
    for (std::int64_t n = 1 + rng.below(3); n > 0; --n) {
      const auto at =
          static_cast<std::size_t>(rng.below(static_cast<std::int64_t>(damaged.size())));
      if (rng.chance(0.3) && damaged.size() > 1)
        damaged.erase(at, 1);
      else
        damaged[at] = static_cast<char>(32 + rng.below(95));
    }
    try {
      EXPECT_GE(parse_row(damaged).milliseconds, 0);
    } catch (const core::Error& error) {
      EXPECT_EQ(error.kind(), core::ErrorKind::kUser);
    }
  }
}

TEST(TableProfile, IsReadFromAFileAndRefusedWithItsRow) {
  const core::TemporaryFolder folder;
  const auto file = folder.path() / "host.json";
  const auto write = [&](const std::string& rows) {
    core::write_file_atomic(file,
                            "{\"name\": \"host\", \"model\": \"table\", \"table\": {\"overhead\": "
                            "0.5, \"works\": [" +
                                rows + "]}}");
  };
  write("\"pointwise 10x4x4 20x4x4 k1 s1 d1 g1 n1 0.25\"");
  const std::vector<Work> works = ChainBuilder(10, 4, 4).conv(20, 1).conv(20, 1).works();
  const Estimate known = estimate(device_profile(file.string()), {works[0]});
  EXPECT_DOUBLE_EQ(known.milliseconds, 0.75);
  EXPECT_EQ(known.interpolated, 0);
  EXPECT_EQ(estimate(device_profile(file.string()), works).interpolated, 1);

  const auto error = [&] {
    try {
      device_profile(file.string());
    } catch (const core::Error& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  write("\"pointwise 10x4x4 20x4x4 k1 s1 d1 g1 n1 much\"");
  EXPECT_THAT(error(), testing::AllOf(HasSubstr("host.json"), HasSubstr("n1 much'")));
  write("");
  EXPECT_THAT(error(), HasSubstr("no rows"));
}

}  // namespace
}  // namespace parsimony::latency
