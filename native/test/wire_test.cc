/**
 * Requests and blocks from which something was cut, or in which bytes were changed: reading them stays inside their bytes and
 * inside the room for what is read. What is read is held against the TypeScript by test/property/wire-codec.test.ts.
 */
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "../src/receipt_text.h"
#include "../src/submission_reader.h"

using namespace polytorus;

namespace {

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::exit(1);
}

std::string transaction(const std::string& arguments) {
  const std::string address(40, 'a');
  return "{\"kind\":\"call\",\"to\":\"0x" + address + "\",\"entrypoint\":\"t\",\"gasLimit\":\"1\",\"sender\":\"0x" + address +
         "\",\"args\":[" + arguments + "],\"nonce\":5}";
}

std::string batch(const std::string& transactions) {
  return "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"tx_submitBatch\",\"params\":{\"receipts\":\"summary\",\"transactions\":[" +
         transactions + "]}}";
}

/** In memory of exactly its size, so that the sanitizer sees every byte too many. */
Submission readExactly(const std::string& text) {
  const std::vector<uint8_t> bytes(text.begin(), text.end());
  const std::unique_ptr<uint8_t[]> out(new uint8_t[submissionBytesMax(bytes.size())]);
  return readSubmission(bytes.data(), bytes.size(), out.get());
}

std::string damaged(std::string text, std::mt19937& random) {
  for (unsigned changes = 1 + random() % 3; changes > 0 && !text.empty(); changes--) {
    const size_t at = random() % text.size();
    switch (random() % 4) {
      case 0:
        text[at] = char(random());
        break;
      case 1:
        text.erase(at, 1 + random() % 8);
        break;
      case 2:
        text.insert(at, 1, "{}[]\",:0x"[random() % 9]);
        break;
      default:
        text.resize(at);
    }
  }
  return text;
}

void readsDamagedRequests(std::mt19937& random) {
  std::string numbers = "1", empty = "\"\"";
  for (int i = 1; i < 255; i++) {
    numbers += ",1";
    empty += ",\"\"";
  }
  const std::string wide = "\"" + std::string(78, '9') + "\",\"0x" + std::string(40, 'b') + "\",true,null";
  const std::vector<std::string> whole = {
      batch(transaction("\"0x" + std::string(40, 'b') + "\",\"25\"")), batch(transaction(numbers) + "," + transaction("")),
      batch(transaction(empty)), batch(transaction("1,2,\"three\"") + "," + transaction("\"340282366920938463463374607431768211456\""))};
  for (const std::string& text : whole) expect(readExactly(text).kind == Submitted::kBatch, "a plain batch is read");
  expect(readExactly(batch(transaction(wide))).kind == Submitted::kNothing, "2^256 and more is left to others");
  for (int round = 0; round < 200'000; round++) readExactly(damaged(whole[round % whole.size()], random));
}

/** One transfer, as a block's entry holds it. */
std::vector<uint8_t> entry() {
  std::vector<uint8_t> bytes(224 + 40, 0);
  const auto u32 = [&](size_t at, uint32_t value) {
    for (int i = 0; i < 4; i++) bytes[at + i] = uint8_t(value >> (8 * i));
  };
  const size_t transactionAt = bytes.size();
  bytes.resize(transactionAt + 76, 0xa1);
  bytes[transactionAt] = 2;
  bytes[transactionAt + 2] = 2;
  bytes[transactionAt + 64] = 8;
  const std::string name = "transfer";
  std::copy(name.begin(), name.end(), bytes.begin() + transactionAt + 65);
  const size_t receiptAt = bytes.size();
  bytes.resize(receiptAt + 16, 0);
  bytes[receiptAt] = 1;
  bytes[receiptAt + 4] = 1;
  bytes.insert(bytes.end(), {1, 1});
  bytes.insert(bytes.end(), 20, 0xa1);
  bytes.push_back(3);
  const uint8_t topic[32] = {0xdd, 0xf2, 0x52, 0xad, 0x1b, 0xe2, 0xc8, 0x9b, 0x69, 0xc2, 0xb0, 0x68, 0xfc, 0x37, 0x8d, 0xaa,
                             0x95, 0x2b, 0xa7, 0xf1, 0x63, 0xc4, 0xa1, 0x16, 0x28, 0xf5, 0x5a, 0x4d, 0xf5, 0x23, 0xb3, 0xef};
  bytes.push_back(32);
  bytes.insert(bytes.end(), topic, topic + 32);
  for (int party = 0; party < 2; party++) {
    bytes.push_back(20);
    bytes.insert(bytes.end(), 20, uint8_t(party));
  }
  bytes.push_back(32);
  bytes.insert(bytes.end(), 32, 0xff);
  u32(4, 1);
  u32(40, uint32_t(receiptAt - transactionAt));
  u32(44, uint32_t(bytes.size() - receiptAt));
  return bytes;
}

void writesDamagedReceipts(std::mt19937& random) {
  const std::vector<uint8_t> whole = entry();
  const std::vector<uint8_t> token(20, 0xa1);
  std::string text;
  expect(writeReceipt({whole.data(), whole.size()}, 0, {token.data(), token.size()}, text), "a transfer's receipt is written");
  const std::string largest = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
  expect(text.find("\"value\":\"" + largest + "\"") != std::string::npos, "2^256 - 1 in decimal");
  std::vector<uint8_t> zeros = whole;
  std::fill(zeros.end() - 32, zeros.end(), uint8_t(0));
  text.clear();
  expect(writeReceipt({zeros.data(), zeros.size()}, 0, {token.data(), token.size()}, text), "so is one with an amount of zeros");
  expect(text.find("\"value\":\"0\"") != std::string::npos, "however many they are");
  for (int round = 0; round < 200'000; round++) {
    std::vector<uint8_t> bytes = whole;
    for (unsigned changes = random() % 4; changes > 0; changes--) bytes[random() % bytes.size()] = uint8_t(random());
    if (round % 2 == 0) bytes.resize(random() % (bytes.size() + 1));
    bytes.shrink_to_fit();
    text.clear();
    const bool isWritten = writeReceipt({bytes.data(), bytes.size()}, random() % 2, {token.data(), token.size()}, text);
    expect(isWritten || text.empty(), "nothing is left of what was not written");
    text.clear();
    writeSummaries({bytes.data(), bytes.size()}, 0, 1 + random() % 2, text);
  }
}

}  // namespace

int main() {
  std::mt19937 random(1);
  readsDamagedRequests(random);
  writesDamagedReceipts(random);
  std::puts("wire: requests and receipts hold");
}
