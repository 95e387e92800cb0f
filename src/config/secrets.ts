/** What must not be shown where configuration or the log is: passwords and tokens, in whatever text they stand. */

const CENSOR = "***";
/** scheme://user:PASSWORD@host. The password may have anything but a space in it, an @ too. */
const URL_PASSWORD = /([a-z][a-z0-9+.-]*:\/\/[^:/@\s]*):[^\s]*@/gi;
const SECRET_WORD = "[\\w.-]*(?:token|passw(?:or)?d|secret|credential|signature|api[_-]?key)[\\w.-]*";
/** ?access_token=SECRET */
const URL_PARAMETER = new RegExp(`([?&](?:${SECRET_WORD}|key|sig|auth)=)[^&#\\s"']+`, "gi");
/** Authorization: Bearer SECRET */
const AUTHORIZATION = /\b(Bearer|Basic) +[\w.~+/=-]+/g;

/** Hides them, and leaves everything else as it is. */
export function maskSecrets(text: string): string {
  return text
    .replace(URL_PASSWORD, `$1:${CENSOR}@`)
    .replace(URL_PARAMETER, `$1${CENSOR}`)
    .replace(AUTHORIZATION, `$1 ${CENSOR}`);
}
