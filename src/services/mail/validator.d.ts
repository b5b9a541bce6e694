/** The package ships no types; this is the one function of it that is used, loaded alone because the whole takes longer to start. */
declare module 'validator/lib/isEmail.js' {
  export default function isEmail(
    text: string,
    options?: { allow_utf8_local_part?: boolean; blacklisted_chars?: string; require_tld?: boolean },
  ): boolean;
}
