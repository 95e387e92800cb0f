/**
 * Keccak-256 of signatures that every process needs as it starts: hashing them took a tenth of the time to be ready.
 * test/unit holds the table against the hash itself.
 */
import { keccak_256 } from "@noble/hashes/sha3.js";

export const KNOWN_SIGNATURE_HASHES: ReadonlyMap<string, string> = new Map([
  ["name()", "06fdde0383f15d582d1a74511486c9ddf862a882fb7904b3d9fe9b8b8e58a796"],
  ["symbol()", "95d89b41e2f5f391a79ec54e9d87c79d6e777c63e32c28da95b4e9e4a79250ec"],
  ["decimals()", "313ce567add4d438edf58b94ff345d7d38c45b17dfc0f947988d7819dca364f9"],
  ["totalSupply()", "18160ddd7f15c72528c2f94fd8dfe3c8d5aa26e2c50c7d81f4bc7bee8d4b7932"],
  ["balanceOf(address)", "70a08231b98ef4ca268c9cc3f6b4590e4bfec28280db06bb5d45e689f2a360be"],
  ["allowance(address,address)", "dd62ed3e90e97b3d417db9c0c7522647811bafca5afc6694f143588d255fdfb4"],
  ["transfer(address,uint256)", "a9059cbb2ab09eb219583f4a59a5d0623ade346d962bcd4e46b11da047c9049b"],
  ["approve(address,uint256)", "095ea7b334ae44009aa867bfb386f5c3b4b443ac6f0ee573fa91c4608fbadfba"],
  ["transferFrom(address,address,uint256)", "23b872dd7302113369cda2901243429419bec145408fa8b352b3dd92b66c680b"],
  ["increaseAllowance(address,uint256)", "39509351d3325647dde3fdd3c8b249adfe89ef4f16d76d83768e6df7a5cd81d6"],
  ["decreaseAllowance(address,uint256)", "a457c2d77307f80ff2f3ac810ec99eb18ae2cffee13b29c90c9324546e374be5"],
  [
    "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
    "d505accfee7b46ac3ce97322c21f328b64073d188137e16f7ef87f8de076b51c",
  ],
  ["nonces(address)", "7ecebe00bc8d5df94a191da8e29b79e67a22b668e14b756a81ef2f5fa215cb0c"],
  ["DOMAIN_SEPARATOR()", "3644e5157256d68e3eeedd2ead302507a9c4ffaff665547d2c3623a1e9e7edf4"],
  ["eip712Domain()", "84b0196e4b78e1918928c3b71e1f57a2bfc6d4a368fe07990ccc1367172719fb"],
  ["mint(address,uint256)", "40c10f19c047ae7dfa66d6312b683d2ea3dfbcb4159e96b967c5f4b0a86f2842"],
  ["burn(uint256)", "42966c689b5afe9b9b3f8a7103b2a19980d59629bfd6a20a60972312ed41d836"],
  ["burnFrom(address,uint256)", "79cc679044ee9a2021f0a26c0fdec02ac39179cd005bb971a471b7f9f17c576c"],
  ["pause()", "8456cb591a934d53f6ccc6332123a165a1f3562907bf11330d847a29ca49eb89"],
  ["unpause()", "3f4ba83af89dc9793996d9e56b8abe6dc88cd97c9c2bb23027806e9c1ffd54dc"],
  ["paused()", "5c975abbf8c4d6efa68fc896e233763eb503f2318260b7bf59b19412913788b2"],
  ["owner()", "8da5cb5b36e7f68c1d2e56001220cdbdd3ba2616072f718acfda4a06441a807d"],
  ["transferOwnership(address)", "f2fde38b092330466c661fc723d5289b90272a3e580e3187d1d7ef788506c557"],
  ["renounceOwnership()", "715018a616b5f2044428f6fadb7deef4ce9ca76ef60ea57978964ad137bbe7ae"],
  ["cap()", "355274ea4c5084069935a4456a1ac3001e99e7cb12c33ca22e251b993bb2c183"],
  ["Transfer(address,address,uint256)", "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"],
  ["Approval(address,address,uint256)", "8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"],
  ["OwnershipTransferred(address,address)", "8be0079c531659141344cd1fd0a4f28419497f9722a3daafe3b4186f6b6457e0"],
  ["Paused(address)", "62e78cea01bee320cd4e420270b5ea74000d11b0c9f74754ebdbfc544b05a258"],
  ["Unpaused(address)", "5db9ee0a495bf2e6ff9c91a7834c1ba4fdd244a5e8aa4e537bd38aeae4b073aa"],
  [
    "ERC20InsufficientBalance(address,uint256,uint256)",
    "e450d38cd8d9f7d95077d567d60ed49c7254716e6ad08fc9872816c97e0ffec6",
  ],
  ["ERC20InvalidSender(address)", "96c6fd1edd0cd6ef7ff0ecc0facdf53148dc0048b57fe58af65755250a7a96bd"],
  ["ERC20InvalidReceiver(address)", "ec442f055133b72f3b2f9f0bb351c406b178527de2040a7d1feb4e058771f613"],
  [
    "ERC20InsufficientAllowance(address,uint256,uint256)",
    "fb8f41b23e99d2101d86da76cdfa87dd51c82ed07d3cb62cbc473e469dbc75c3",
  ],
  ["ERC20InvalidApprover(address)", "e602df05cc75712490294c6c104ab7c17f4030363910a7a2626411c6d3118847"],
  ["ERC20InvalidSpender(address)", "94280d62c347d8d9f4d59a76ea321452406db88df38e0c9da304f58b57b373a2"],
  [
    "ERC20FailedDecreaseAllowance(address,uint256,uint256)",
    "a60f030c4452d80b91e581ffb378769420d35d6322b03c3b417a33a10f84883f",
  ],
  ["ERC20ExceededCap(uint256,uint256)", "9e79f854e7e443a7e81774a004f97452fde67fc40f1ae7a0ecb8c360c4f564ac"],
  ["ERC20InvalidCap(uint256)", "392e1e27cbe1cbe0653ae0435ec8f503f6a25b76c3c7164a5cacb005b0b68677"],
  ["OwnableUnauthorizedAccount(address)", "118cdaa7a341953d1887a2245fd6665d741c67c8c50581daa59e1d03373fa188"],
  ["OwnableInvalidOwner(address)", "1e4fbdf7f3ef8bcaa855599e3abf48b232380f183f08f6f813d9ffa5bd585188"],
  ["EnforcedPause()", "d93c0665d6c96d04a8f174024fc4ddd66c250604aff22bbec808de86dd3637e3"],
  ["ExpectedPause()", "8dfc202bcfe9a735b559bee70674422512bc5c30f687046ae8778315fb81da44"],
  ["ERC2612ExpiredSignature(uint256)", "627913023c184eaad13735d5a3d2657ae76ec9a872a70e0fc57522ef1a114d58"],
  ["ERC2612InvalidSigner(address,address)", "4b800e463b323b1d856edf9dec70329a639d13874a57f5c28219ff57128756db"],
  ["ECDSAInvalidSignature()", "f645eedf0193584640b6b90cb9477e4c95b98636c148a891d4c0a146dc46e75a"],
  ["ECDSAInvalidSignatureS(bytes32)", "d78bce0cccb935155ed6428d1c13e50b7f3550fd2b66b9fe266006fea4a5e1eb"],
  ["Error(string)", "08c379a0afcc32b1a39302f7cb8073359698411ab5fd6e3edb2c02c0b5fba8aa"],
  ["Panic(uint256)", "4e487b71539e0164c9d29506cc725e49342bcac15e0927282bf30fedfe1c7268"],
  ["ContractPaused(address)", "81990fd9a5c552b8e3677917d8a03c07678f0d2cb68f88b634aca2022e9bd19f"],
  ["CallerNotAllowed(address)", "e7557a52e94fc9d5db46d926f0c3795133d6552a9e2ffa300e17740ed821db4e"],
  ["HandleUnknown(bytes32)", "955ad90de50581e4171b6c586c705be355e0054fdfd00e183bb3b5b3b8957f22"],
  ["HandleExpired(bytes32)", "3f561be351f27a8d93d4cf2b4aad1a753e5a31502386e6225e93f5d70149e4b9"],
  ["HandleWrongType(bytes32,string,string)", "4e81be5c12f7085bb14678c20c1daa85c740187024367507b4e3bbdcbb7c36bd"],
  ["HandleOtherKey(bytes32,bytes32,bytes32)", "bdb5a909b44dd6b81e6499f8842549815df46c71e69f1c5f1d6683c57599efb0"],
  ["HandleNotAllowed(bytes32,address)", "3c6ca88094a9a719c31510a4d5e77b94afe1cc48410245dd3d125de819707d69"],
  ["HandleAccessesFull(bytes32)", "708b5a2c91458f01a1a1db3e08dfb42cc661469083a717d15a5933644989bbca"],
  ["ERC7984InvalidReceiver(address)", "8d5188019d52c307b5bab7c292c2938fc752557045daf66ed1fe33d6922ac7bc"],
  ["ERC7984InvalidSender(address)", "ee457ebf34969fdd65e24df67a320834d3f349def5d7e4e28941f5844e97f0b9"],
  ["ERC7984UnauthorizedSpender(address,address)", "79f2cb38118710e0a0c14b4ab8033b3e05f361a7bd289e1fcbc5f21891d2b23b"],
  ["ConfidentialTransfer(address,address,bytes32)", "67500e8d0ed826d2194f514dd0d8124f35648ab6e3fb5e6ed867134cffe661e9"],
  ["OperatorSet(address,address,uint48)", "921a218a75d18e8ec5704851e6b234a85725b21a2521ce889622c35dedc1fa12"],
  ["AmountDisclosed(bytes32,uint64)", "83bbbc07896439e5d950a6cead04cbc676180af7a61cecf43f5296475057f571"],
  ["AmountDiscloseRequested(bytes32,address)", "189c3bfae2e5ce7726b29d57bb6ed0f1a7ebcd153a863ff5ecb6cd998064c98c"],
]);

/** @param signature what the ABI hashes: `transfer(address,uint256)`. */
export function signatureHash(signature: string): Uint8Array {
  const known = KNOWN_SIGNATURE_HASHES.get(signature);
  return known === undefined ? keccak_256(Buffer.from(signature, "utf8")) : new Uint8Array(Buffer.from(known, "hex"));
}
