/**
 * TFHE through Node-API: typed arrays in, typed arrays out. Each thread that loads the addon has its own handles, and what it
 * still holds is released with it, so a worker that is killed leaks no key.
 */
#include "tfhe_addon.h"

#include <cstring>
#include <map>
#include <memory>

#include "tfhe/evaluate.h"
#include "tfhe/key_cache.h"
#include "tfhe/secret_key.h"

#ifdef POLYTORUS_TEST_DIMENSION
#error "keys of a test's dimension hide nothing"
#endif

namespace polytorus {
namespace {

using namespace tfhe;
using Info = Napi::CallbackInfo;

/** The keys that one thread holds. */
struct HeldKeys {
  uint32_t next = 1;
  std::map<uint32_t, SharedKey> keys;
};

template <class Array>
Array arrayAt(const Info& info, size_t index, napi_typedarray_type type, const char* name) {
  if (!info[index].IsTypedArray() || info[index].As<Napi::TypedArray>().TypedArrayType() != type) {
    throw Napi::TypeError::New(info.Env(), "argument " + std::to_string(index) + " must be " + name);
  }
  return info[index].As<Array>();
}

ByteView bytesAt(const Info& info, size_t index) {
  auto array = arrayAt<Napi::Uint8Array>(info, index, napi_uint8_array, "a Uint8Array");
  return {array.Data(), array.ByteLength()};
}

ByteView bytesAt(const Info& info, size_t index, size_t bytes) {
  const ByteView view = bytesAt(info, index);
  if (view.size != bytes) {
    throw Napi::RangeError::New(info.Env(), "argument " + std::to_string(index) + " must have " + std::to_string(bytes) + " bytes");
  }
  return view;
}

struct Words {
  uint32_t* data;
  size_t count;
};

Words wordsAt(const Info& info, size_t index) {
  auto array = arrayAt<Napi::Uint32Array>(info, index, napi_uint32_array, "a Uint32Array");
  return {array.Data(), array.ElementLength()};
}

/** Whole ciphertexts of `set`. */
Words ciphertextsAt(const Info& info, size_t index, const ParameterSet& set) {
  const Words words = wordsAt(info, index);
  if (words.count % set.words() != 0) {
    throw Napi::RangeError::New(info.Env(), "argument " + std::to_string(index) + " must hold ciphertexts of " +
                                                std::to_string(set.words()) + " words each");
  }
  return words;
}

uint32_t numberAt(const Info& info, size_t index) {
  if (!info[index].IsNumber()) throw Napi::TypeError::New(info.Env(), "argument " + std::to_string(index) + " must be a number");
  return info[index].As<Napi::Number>().Uint32Value();
}

const Kernel& kernelAt(const Info& info, size_t index) {
  if (!info[index].IsString()) throw Napi::TypeError::New(info.Env(), "argument " + std::to_string(index) + " must be a string");
  return requireKernel(info[index].As<Napi::String>().Utf8Value().c_str());
}

Napi::Uint8Array copyOf(Napi::Env env, const uint8_t* data, size_t bytes) {
  Napi::Uint8Array copy = Napi::Uint8Array::New(env, bytes);
  if (bytes > 0) std::memcpy(copy.Data(), data, bytes);
  return copy;
}

HeldKeys& heldKeys(Napi::Env env) { return *env.GetInstanceData<HeldKeys>(); }

const SharedKey& keyAt(const Info& info, size_t index) {
  auto& keys = heldKeys(info.Env()).keys;
  const auto held = keys.find(numberAt(info, index));
  if (held == keys.end()) throw Napi::Error::New(info.Env(), "this evaluation key was released");
  return held->second;
}

Napi::Value parameterSets(const Info& info) {
  const Napi::Env env = info.Env();
  Napi::Array list = Napi::Array::New(env, kParameterSetCount);
  for (uint32_t i = 0; i < kParameterSetCount; i++) {
    const ParameterSet& set = kParameterSets[i];
    const NoisePrediction noise = predictNoise(set);
    Napi::Object item = Napi::Object::New(env);
    item["id"] = Napi::Number::New(env, set.id);
    item["name"] = Napi::String::New(env, set.name);
    item["source"] = Napi::String::New(env, set.source);
    item["lweSecurityBits"] = Napi::Number::New(env, set.lweSecurityBits);
    item["glweSecurityBits"] = Napi::Number::New(env, set.glweSecurityBits);
    item["failureLog2"] = Napi::Number::New(env, noise.failureLog2(3));
    item["outputNoiseSigma"] = Napi::Number::New(env, noise.outputSigma());
    item["ciphertextWords"] = Napi::Number::New(env, set.words());
    item["residentKeyBytes"] = Napi::Number::New(env, double(EvaluationKey::residentBytesOf(set)));
    list[i] = item;
  }
  return list;
}

/** (parameterSet) */
Napi::Value generateKeys(const Info& info) {
  SecretKey::Pair pair = SecretKey::generate(requireParameterSet(numberAt(info, 0)));
  Napi::Object keys = Napi::Object::New(info.Env());
  keys["secretKey"] = copyOf(info.Env(), pair.secretKey.data(), pair.secretKey.size());
  wipe(pair.secretKey.data(), pair.secretKey.size());
  keys["evaluationKey"] = copyOf(info.Env(), pair.evaluationKey.data(), pair.evaluationKey.size());
  return keys;
}

SecretKey secretKeyAt(const Info& info, size_t index) { return SecretKey::parse(bytesAt(info, index)); }

/** (secretKey) → which evaluation key and parameter set it belongs to. */
Napi::Value describeSecretKey(const Info& info) {
  const SecretKey key = secretKeyAt(info, 0);
  Napi::Object about = Napi::Object::New(info.Env());
  about["keyId"] = copyOf(info.Env(), key.keyId(), kKeyIdBytes);
  about["parameterSet"] = Napi::Number::New(info.Env(), key.set().id);
  return about;
}

/** (secretKey, bits, context) */
Napi::Value encrypt(const Info& info) {
  const ByteView bits = bytesAt(info, 1);
  const ByteVector file = secretKeyAt(info, 0).encrypt(bits.data, bits.size, bytesAt(info, 2, kContextBytes).data);
  return copyOf(info.Env(), file.data(), file.size());
}

/** (secretKey, words) */
Napi::Value decrypt(const Info& info) {
  const SecretKey key = secretKeyAt(info, 0);
  const Words words = ciphertextsAt(info, 1, key.set());
  const size_t count = words.count / key.set().words();
  Napi::Uint8Array bits = Napi::Uint8Array::New(info.Env(), count);
  key.decrypt(words.data, count, bits.Data());
  return bits;
}

/** (secretKey, words) */
Napi::Value phases(const Info& info) {
  const SecretKey key = secretKeyAt(info, 0);
  const Words words = ciphertextsAt(info, 1, key.set());
  const size_t count = words.count / key.set().words();
  Napi::Int32Array out = Napi::Int32Array::New(info.Env(), count);
  key.phases(words.data, count, out.Data());
  return out;
}

/** (file) */
Napi::Value expand(const Info& info) {
  const Ciphertexts ciphertexts = expandCiphertexts(bytesAt(info, 0));
  Napi::Object out = Napi::Object::New(info.Env());
  out["parameterSet"] = Napi::Number::New(info.Env(), ciphertexts.set->id);
  out["keyId"] = copyOf(info.Env(), ciphertexts.keyId, kKeyIdBytes);
  out["context"] = copyOf(info.Env(), ciphertexts.context, kContextBytes);
  Napi::Uint32Array words = Napi::Uint32Array::New(info.Env(), ciphertexts.words.size());
  std::memcpy(words.Data(), ciphertexts.words.data(), 4 * ciphertexts.words.size());
  out["words"] = words;
  return out;
}

/** (parameterSet, keyId, context, words) */
Napi::Value write(const Info& info) {
  const ParameterSet& set = requireParameterSet(numberAt(info, 0));
  const ByteView keyId = bytesAt(info, 1, kKeyIdBytes), context = bytesAt(info, 2, kContextBytes);
  const Words words = ciphertextsAt(info, 3, set);
  const ByteVector file = writeCiphertexts(set, keyId.data, context.data, words.data, words.count / set.words());
  return copyOf(info.Env(), file.data(), file.size());
}

Napi::Value hold(Napi::Env env, SharedKey key) {
  HeldKeys& held = heldKeys(env);
  Napi::Object out = Napi::Object::New(env);
  out["handle"] = Napi::Number::New(env, held.next);
  out["keyId"] = copyOf(env, key->keyId(), kKeyIdBytes);
  out["parameterSet"] = Napi::Number::New(env, key->set().id);
  out["kernel"] = Napi::String::New(env, key->kernel().name);
  out["residentBytes"] = Napi::Number::New(env, double(key->residentBytes()));
  held.keys.emplace(held.next++, std::move(key));
  return out;
}

/** (file, kernel or "") */
Napi::Value loadKey(const Info& info) {
  return hold(info.Env(), KeyCache::ofProcess().load(bytesAt(info, 0), kernelAt(info, 1)));
}

/** (keyId, kernel or ""): undefined when no thread has loaded it. */
Napi::Value attachKey(const Info& info) {
  SharedKey key = KeyCache::ofProcess().find(bytesAt(info, 0, kKeyIdBytes).data, kernelAt(info, 1));
  return key ? hold(info.Env(), std::move(key)) : info.Env().Undefined();
}

/** (handle): false when it was released before. */
Napi::Value releaseKey(const Info& info) {
  return Napi::Boolean::New(info.Env(), heldKeys(info.Env()).keys.erase(numberAt(info, 0)) == 1);
}

/** (maxBytes or undefined) */
Napi::Value keyCache(const Info& info) {
  if (info[0].IsNumber()) KeyCache::ofProcess().setMaxBytes(size_t(info[0].As<Napi::Number>().Int64Value()));
  const KeyCache::Use use = KeyCache::ofProcess().use();
  Napi::Object out = Napi::Object::New(info.Env());
  out["keys"] = Napi::Number::New(info.Env(), double(use.keys));
  out["residentBytes"] = Napi::Number::New(info.Env(), double(use.residentBytes));
  out["maxBytes"] = Napi::Number::New(info.Env(), double(use.maxBytes));
  return out;
}

/** (handle, arena, gates, levelEnds, threads, control) */
Napi::Value evaluateGates(const Info& info) {
  static_assert(sizeof(std::atomic<int32_t>) == sizeof(int32_t) && std::atomic<int32_t>::is_always_lock_free);
  const SharedKey key = keyAt(info, 0);
  const Words arena = ciphertextsAt(info, 1, key->set()), gates = wordsAt(info, 2), levels = wordsAt(info, 3);
  if (gates.count % kGateWords != 0) throw Napi::RangeError::New(info.Env(), "a gate has 5 words");
  auto control = arrayAt<Napi::Int32Array>(info, 5, napi_int32_array, "an Int32Array");
  if (control.ElementLength() < 2) throw Napi::RangeError::New(info.Env(), "control has 2 words: cancel, done");
  auto* flags = reinterpret_cast<std::atomic<int32_t>*>(control.Data());
  // Copies: the arrays may lie in memory that other threads write to, and what was checked must be what runs.
  const std::vector<uint32_t> gateWords(gates.data, gates.data + gates.count), levelEnds(levels.data, levels.data + levels.count);
  const Program program{gateWords.data(), gateWords.size() / kGateWords, levelEnds.data(), levelEnds.size()};
  const Evaluation result =
      evaluate(*key, arena.data, arena.count / key->set().words(), program, numberAt(info, 4), {flags, flags + 1});
  Napi::Object out = Napi::Object::New(info.Env());
  out["levels"] = Napi::Number::New(info.Env(), double(result.levels));
  out["bootstraps"] = Napi::Number::New(info.Env(), double(result.bootstraps));
  return out;
}

template <Napi::Value (*Call)(const Info&)>
Napi::Value guarded(const Info& info) {
  try {
    return Call(info);
  } catch (const Napi::Error&) {
    throw;
  } catch (const Refused& refused) {
    Napi::Error thrown = Napi::Error::New(info.Env(), refused.what());
    thrown.Set("code", Napi::String::New(info.Env(), refused.code));
    throw thrown;
  } catch (const std::exception& error) {
    throw Napi::Error::New(info.Env(), error.what());
  }
}

template <Napi::Value (*Call)(const Info&)>
void expose(Napi::Object& tfhe, const char* name) {
  tfhe[name] = Napi::Function::New<guarded<Call>>(tfhe.Env(), name);
}

}  // namespace

void exposeTfhe(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new HeldKeys);
  Napi::Object tfhe = Napi::Object::New(env);
  expose<parameterSets>(tfhe, "parameterSets");
  expose<generateKeys>(tfhe, "generateKeys");
  expose<describeSecretKey>(tfhe, "describeSecretKey");
  expose<encrypt>(tfhe, "encrypt");
  expose<decrypt>(tfhe, "decrypt");
  expose<phases>(tfhe, "phases");
  expose<expand>(tfhe, "expand");
  expose<write>(tfhe, "write");
  expose<loadKey>(tfhe, "loadKey");
  expose<attachKey>(tfhe, "attachKey");
  expose<releaseKey>(tfhe, "releaseKey");
  expose<keyCache>(tfhe, "keyCache");
  expose<evaluateGates>(tfhe, "evaluate");
  exports["tfhe"] = tfhe;
}

}  // namespace polytorus
