#include "arguments.h"

#include <cstring>

namespace polytorus {
namespace {

const char* nameOf(napi_typedarray_type type) {
  switch (type) {
    case napi_int8_array: return "Int8Array";
    case napi_uint8_array: return "Uint8Array";
    case napi_uint8_clamped_array: return "Uint8ClampedArray";
    case napi_int16_array: return "Int16Array";
    case napi_uint16_array: return "Uint16Array";
    case napi_int32_array: return "Int32Array";
    case napi_uint32_array: return "Uint32Array";
    case napi_float32_array: return "Float32Array";
    case napi_float64_array: return "Float64Array";
    case napi_bigint64_array: return "BigInt64Array";
    case napi_biguint64_array: return "BigUint64Array";
  }
  return "typed array";
}

const char* nameOf(napi_valuetype type) {
  switch (type) {
    case napi_undefined: return "undefined";
    case napi_null: return "null";
    case napi_boolean: return "a boolean";
    case napi_number: return "a number";
    case napi_string: return "a string";
    case napi_symbol: return "a symbol";
    case napi_object: return "an object";
    case napi_function: return "a function";
    case napi_external: return "an external value";
    case napi_bigint: return "a bigint";
  }
  return "a value";
}

std::string messageOf(size_t index, const std::string& expected, const std::string& received) {
  return "argument " + std::to_string(index) + ": expected " + expected + ", received " + received;
}

std::string arrayText(napi_typedarray_type type, size_t count) {
  return std::string(nameOf(type)) + " of " + std::to_string(count);
}

[[noreturn]] void refuseType(const Napi::Value& value, size_t index, const std::string& expected) {
  throw Napi::TypeError::New(value.Env(), messageOf(index, expected, nameOf(value.Type())));
}

}  // namespace

void refuseNumber(Napi::Env env, const std::string& what, uint64_t max, double received) {
  const std::string text = Napi::Number::New(env, received).ToString();
  throw Napi::RangeError::New(env, what + ": expected a whole number from 0 to " + std::to_string(max) + ", received " + text);
}

bool isDetached(Napi::Env env, napi_value typedArray) {
  napi_value buffer = nullptr;
  bool is = false;
  const bool isRead = napi_get_typedarray_info(env, typedArray, nullptr, nullptr, nullptr, &buffer, nullptr) == napi_ok;
  return isRead && napi_is_detached_arraybuffer(env, buffer, &is) == napi_ok && is;
}

void refuseArray(Napi::Env env, napi_value value, size_t index, napi_typedarray_type type, size_t least) {
  napi_typedarray_type received{};
  void* data = nullptr;
  size_t count = 0;
  const std::string expected = arrayText(type, least) + " elements or more";
  if (napi_get_typedarray_info(env, value, &received, &count, &data, nullptr, nullptr) != napi_ok) {
    refuseType(Napi::Value(env, value), index, expected);
  }
  if (received != type) throw Napi::TypeError::New(env, messageOf(index, expected, arrayText(received, count)));
  const char* why = count >= least ? " that is not aligned" : "";
  if (count == 0 && isDetached(env, value)) why = " whose buffer is detached";
  throw Napi::RangeError::New(env, messageOf(index, expected, arrayText(received, count) + why));
}

const uint8_t* exactBytesAt(const Info& info, size_t index, size_t bytes) {
  const Bytes read = bytesAt(info, index, bytes);
  if (read.size == bytes) return read.data;
  throw Napi::RangeError::New(
      info.Env(), messageOf(index, std::to_string(bytes) + " bytes", arrayText(napi_uint8_array, read.size)));
}

std::vector<Bytes> listOfBytesAt(const Info& info, size_t index) {
  if (!info[index].IsArray()) refuseType(info[index], index, "an Array of Uint8Arrays");
  const auto list = info[index].As<Napi::Array>();
  // All of them before the bytes of any: an accessor is JavaScript, which may take an array's buffer away.
  std::vector<napi_value> values;
  for (uint32_t i = 0, count = list.Length(); i < count; i++) {
    const Napi::Value value = list.Get(i);
    if (!value.IsTypedArray()) refuseArray(info.Env(), value, index, napi_uint8_array, 0);
    values.push_back(value);
  }
  std::vector<Bytes> read;
  read.reserve(values.size());
  for (napi_value value : values) {
    const Span<uint8_t> bytes = elementsOf<uint8_t>(info.Env(), value, index);
    read.push_back({bytes.data, bytes.size});
  }
  return read;
}

uint64_t wholeNumberAt(const Info& info, size_t index, uint64_t max) {
  double number = 0;
  if (napi_get_value_double(info.Env(), info[index], &number) != napi_ok) refuseType(info[index], index, "a number");
  if (number >= 0 && number <= double(max) && double(uint64_t(number)) == number) return uint64_t(number);
  refuseNumber(info.Env(), "argument " + std::to_string(index), max, number);
}

bool flagAt(const Info& info, size_t index) {
  if (!info[index].IsBoolean()) refuseType(info[index], index, "a boolean");
  return info[index].As<Napi::Boolean>().Value();
}

std::string textAt(const Info& info, size_t index) {
  if (!info[index].IsString()) refuseType(info[index], index, "a string");
  std::string text = info[index].As<Napi::String>().Utf8Value();
  const size_t zero = text.find('\0');
  if (zero == std::string::npos) return text;
  throw Napi::RangeError::New(info.Env(), messageOf(index, "text without zero bytes", "one at " + std::to_string(zero)));
}

Napi::Uint8Array copyOf(Napi::Env env, Bytes bytes) {
  Napi::Uint8Array copy = Napi::Uint8Array::New(env, bytes.size);
  if (bytes.size > 0) std::memcpy(copy.Data(), bytes.data, bytes.size);
  return copy;
}

}  // namespace polytorus
