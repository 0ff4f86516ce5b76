// SPDX-License-Identifier: Apache-2.0
#include "parsimony/meter/lookup_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/deploy/ort.h"
#include "parsimony/deploy/testing/networks.h"
#include "parsimony/graph/simplify.h"
#include "parsimony/meter/networks_for_test.h"

namespace parsimony::meter {
namespace {

using latency::Work;
using latency::WorkKind;
using testing::HasSubstr;

constexpr graph::Size kPicture{64, 96};

std::vector<graph::Graph> networks() {
  using namespace deploy::testing;
  std::vector<graph::Graph> all;
  for (const int width : {8, 16, 24}) {
    for (const std::string_view genotype : {kArch0, kArch1})
      all.push_back(graph::simplify(cell_network(genotype, "small", width, 4)));
  }
  return all;
}

// A device that takes 0.1 ms per network, and per work 0.01 ms and 1 ms per million
// multiply-accumulates or values; `together` is the share that works take within a network.
class FakeMeter final : public LatencyMeter {
 public:
  explicit FakeMeter(double together, std::string device = "fake")
      : together_(together), device_(std::move(device)) {}
  std::string name() const override { return "fake"; }
  Reading measure(const Subject& subject, const core::Context& context) override {
    if (context.stop.requested() || calls == stop_at) return {ReadingEnd::kStopped, {}, {}};
    if (calls == fail_at) return {ReadingEnd::kFailed, {}, "it fell off the table"};
    ++calls;
    double ms = 0;
    for (const Work& work : latency::work_of(subject.network()->graph, subject.picture()))
      ms += 0.01 + 1e-6 * static_cast<double>(work.macs() + work.out.elements());
    Measurement measurement;
    measurement.median = 0.1 + together_ * ms;
    measurement.conditions.device = device_;
    measurement.conditions.runtime = "nothing";
    return {ReadingEnd::kMeasured, measurement, {}};
  }
  int calls = 0, stop_at = -1, fail_at = -1;

 private:
  double together_;
  std::string device_;
};

class LookupTableTest : public testing::Test {
 protected:
  LookupTable measure(FakeMeter& works, FakeMeter& whole) {
    return measure_lookup_table(
        networks_, kPicture, works, whole, {.name = "host", .file = file()}, test_.context);
  }
  std::filesystem::path file() const { return folder_.path() / "host.json"; }

  core::TemporaryFolder folder_;
  TestContext test_;
  std::vector<graph::Graph> networks_ = networks();
};

TEST(ProbeOf, DoesTheWorkAndNothingElse) {
  std::vector<Work> works;
  for (const graph::Graph& network : networks()) {
    for (const Work& work : latency::work_of(network, kPicture)) works.push_back(work);
  }
  int without = 0;
  std::set<WorkKind> kinds;
  for (const Work& work : works) {
    const auto probe = probe_of(work);
    if (!probe) {
      ++without;
      continue;
    }
    kinds.insert(work.kind);
    graph::verify(probe->with);
    graph::verify(probe->without);
    const std::vector<Work> with = latency::work_of(probe->with, probe->picture);
    const std::vector<Work> rest = latency::work_of(probe->without, probe->picture);
    ASSERT_EQ(with.size(), rest.size() + 1);
    EXPECT_EQ(latency::table_key(with.back()), latency::table_key(work));
  }
  EXPECT_LT(without, static_cast<int>(works.size()) / 5);
  EXPECT_THAT(kinds,
              testing::IsSupersetOf({WorkKind::kPointwise,
                                     WorkKind::kConvolution,
                                     WorkKind::kDepthwise,
                                     WorkKind::kAdd,
                                     WorkKind::kResize}));
}

TEST_F(LookupTableTest, EstimatesNetworksItWasNotFittedOn) {
  FakeMeter works(1);
  FakeMeter whole(0.7);
  const LookupTable table = measure(works, whole);
  ASSERT_EQ(table.end, ReadingEnd::kMeasured) << table.reason;
  EXPECT_EQ(table.fitted_on, 3);
  EXPECT_EQ(table.checked_with, 3);
  EXPECT_EQ(table.measured + table.without_row, table.works);
  EXPECT_NEAR(table.profile.table.scale, 0.7, 0.05);
  EXPECT_LT(table.profile.error, 0.05);
  // The file is a device like any other.
  const latency::DeviceProfile read = latency::device_profile(file().string());
  EXPECT_EQ(read.name, "host");
  EXPECT_DOUBLE_EQ(read.error, table.profile.error);
  for (const graph::Graph& network : networks_) {
    const double truth =
        whole.measure(Subject::untrained(network, kPicture), test_.context).measurement.median;
    const double estimated =
        latency::estimate(read, latency::work_of(network, kPicture)).milliseconds;
    EXPECT_NEAR(estimated, truth, 0.1 * truth);
  }
}

// The probes are networks that a runtime can run.
TEST_F(LookupTableTest, MeasuresThisHost) {
  networks_.resize(1);
  for (const char* name : {"host-torch", "host-onnx"}) {
    if (name == std::string("host-onnx") && !deploy::OrtSession::available()) continue;
    // Other networks than those of one layer are covered by meter_test.cpp.
    FakeMeter whole(1);
    const auto works = make_meter(
        name, {.threads = 1, .timing = {.seconds = 0.001, .warm_up = 1, .repetitions = 1}});
    const LookupTable table = measure_lookup_table(networks_,
                                                   {32, 32},
                                                   *works,
                                                   whole,
                                                   {.name = "host", .file = folder_.path() / name},
                                                   test_.context);
    ASSERT_EQ(table.end, ReadingEnd::kMeasured) << table.reason;
    EXPECT_GT(table.measured, 20);
  }
}

TEST_F(LookupTableTest, StatesTheErrorThatItHas) {
  // One network alone cannot be fitted on, and its works take half as long within it.
  networks_.resize(1);
  FakeMeter works(1);
  FakeMeter whole(0.5);
  const LookupTable table = measure(works, whole);
  EXPECT_EQ(table.fitted_on, 0);
  EXPECT_EQ(table.checked_with, 1);
  EXPECT_EQ(table.profile.table.scale, 1);
  EXPECT_GT(table.profile.error, 0.3);
}

TEST_F(LookupTableTest, ContinuesWhereItStopped) {
  FakeMeter works(1);
  FakeMeter whole(1);
  works.stop_at = 30;
  const LookupTable stopped = measure(works, whole);
  EXPECT_EQ(stopped.end, ReadingEnd::kStopped);
  EXPECT_GT(stopped.measured, 5);
  EXPECT_EQ(latency::device_profile(file().string()).table.works.size(),
            static_cast<std::size_t>(stopped.measured));
  works.stop_at = -1;
  const LookupTable rest = measure(works, whole);
  ASSERT_EQ(rest.end, ReadingEnd::kMeasured);
  EXPECT_EQ(stopped.measured + rest.measured + rest.without_row, rest.works);
  works.calls = 0;
  EXPECT_EQ(measure(works, whole).measured, 0);
  EXPECT_EQ(works.calls, 1);
}

TEST_F(LookupTableTest, KeepsRowsOfOneDeviceOnly) {
  FakeMeter works(1);
  FakeMeter whole(1);
  ASSERT_EQ(measure(works, whole).end, ReadingEnd::kMeasured);
  FakeMeter other(1, "another board");
  try {
    measure(other, whole);
    ADD_FAILURE() << "no error";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kUser);
    EXPECT_THAT(error.what(), HasSubstr("another board"));
  }
}

TEST_F(LookupTableTest, SaysWhyTheDeviceFailed) {
  FakeMeter works(1);
  FakeMeter whole(1);
  works.fail_at = 10;
  const LookupTable table = measure(works, whole);
  EXPECT_EQ(table.end, ReadingEnd::kFailed);
  EXPECT_EQ(table.reason, "it fell off the table");
  EXPECT_TRUE(std::filesystem::exists(file()));
}

}  // namespace
}  // namespace parsimony::meter
