/**
 * How many decimals a currency has: the table of ISO 4217, kept here. It asks nobody: the platform's own table is CLDR's,
 * which gives RSD, IQD, ALL and others fewer decimals than they have, and changes with the version of Deno.
 */

/**
 * By minor units, from ISO 4217 list one as the maintenance agency (SIX) published it on 2024-06-25, and from the
 * amendments since: XCG (2025-03-31), XAD (2025-05-12). What they withdrew (ANG, CUC, BGN) stays: orders were placed in it.
 * To change it, take list one from
 * https://www.six-group.com/en/products-services/financial-information/data-standards.html, and add; never take away.
 */
const codesByMinorUnits: Readonly<Record<number, string>> = {
  0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
  2: "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE " +
    "CHF CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD " +
    "HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU " +
    "MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG " +
    "SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST " +
    "XAD XCD XCG YER ZAR ZMW ZWG",
  3: "BHD IQD JOD KWD LYD OMR TND",
  4: "CLF UYW",
};

/**
 * ISO 4217 keeps these two for tests and for "no currency", without minor units. They count two here, so that an order can
 * be placed of which it is certain that no table of tax rates knows its currency.
 */
const withoutCurrency = "XTS XXX";

const minorUnitsByCode = new Map<string, number>([
  ...Object.entries(codesByMinorUnits).flatMap(([units, codes]) =>
    codes.split(" ").map((code) => [code, Number(units)] as const)
  ),
  ...withoutCurrency.split(" ").map((code) => [code, 2] as const),
]);

/**
 * Decimals of a currency: 2 for USD, 0 for JPY, 3 for KWD. Undefined for what has no minor unit (XAU and the other metals,
 * XDR, XUA) and for letters that are no currency: nothing can be billed in those.
 */
export function minorUnits(currency: string): number | undefined {
  return minorUnitsByCode.get(currency);
}
