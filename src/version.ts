/** The version of package.json, which test/architecture compares: a constant, so that no file is read to answer it. */
export const VERSION = "0.1.0";
