/**
 * The addon. This folder alone speaks Node-API: it turns arguments into bytes, and C++ exceptions into JavaScript's.
 *   addon.ts ── call ──▶ a file of this folder ── bytes ──▶ a core, which knows nothing of Node
 */
#include <system_error>

#include "../delta.h"
#include "../sha256.h"
#include "../tfhe/parameters.h"
#include "exposed.h"

namespace polytorus {

void throwToJavaScript(Napi::Env env) {
  try {
    throw;
  } catch (const Napi::Error&) {
    throw;
  } catch (const MalformedDelta& error) {
    Napi::RangeError thrown = Napi::RangeError::New(env, error.what());
    thrown.Set("offset", Napi::Number::New(env, double(error.offset)));
    throw thrown;
  } catch (const tfhe::Refused& refused) {
    Napi::Error thrown = Napi::Error::New(env, refused.what());
    thrown.Set("code", Napi::String::New(env, refused.code));
    throw thrown;
  } catch (const std::system_error& error) {
    Napi::Error thrown = Napi::Error::New(env, error.what());
    thrown.Set("errno", Napi::Number::New(env, error.code().value()));
    throw thrown;
  } catch (const std::exception& error) {
    throw Napi::Error::New(env, error.what());
  }
}

namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  try {
    exports["isa"] = sha256Kernel().name;
  } catch (...) {
    throwToJavaScript(env);
  }
  exposeHashes(exports);
  exposeTrees(exports);
  exposeTransfers(exports);
  exposeRows(exports);
  exposeChanges(exports);
  exposeWire(exports);
  exposeExecutions(exports);
  exposeTfhe(exports);
  return exports;
}

NODE_API_MODULE(polytorus, init)

}  // namespace
}  // namespace polytorus
