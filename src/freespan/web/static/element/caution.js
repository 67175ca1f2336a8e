// Whether helping may put a visitor at risk, or cost them money. Found out from the browser alone, and sent to nobody.
//
// The risk is guessed from the browser's time zone (IANA), which is known before the click, and wrong for travellers.
// The countries are those that "Freedom on the Net 2024" (Freedom House) calls Not Free, and some that it leaves out;
// docs/embedding.md says which and why. Old names of zones are included, since some browsers still use them.

const CENSORED = {
  // Azerbaijan, Bahrain, China, Iran, Kazakhstan, Myanmar, Pakistan, Saudi Arabia, Thailand, Turkey, the Emirates,
  // Uzbekistan, Vietnam, Russia beyond the Urals
  // Afghanistan, Laos, North Korea, Syria, Tajikistan, Turkmenistan, Yemen
  Asia:
    "Baku Bahrain " +
    "Shanghai Urumqi Chongqing Chungking Harbin Kashgar " +
    "Tehran " +
    "Almaty Aqtau Aqtobe Atyrau Oral Qostanay Qyzylorda " +
    "Yangon Rangoon Karachi Riyadh Bangkok Istanbul Dubai Samarkand Tashkent Ho_Chi_Minh Saigon " +
    "Anadyr Barnaul Chita Irkutsk Kamchatka Khandyga Krasnoyarsk Magadan Novokuznetsk Novosibirsk Omsk Sakhalin " +
    "Srednekolymsk Tomsk Ust-Nera Vladivostok Yakutsk Yekaterinburg " +
    "Kabul Vientiane Pyongyang Damascus Dushanbe Ashgabat Ashkhabad Aden",
  // Belarus, Turkey, Russia and Crimea
  Europe: "Minsk Istanbul Astrakhan Kaliningrad Kirov Moscow Samara Saratov Simferopol Ulyanovsk Volgograd",
  // Egypt, Ethiopia, Rwanda, Sudan; Eritrea
  Africa: "Cairo Addis_Ababa Kigali Khartoum Asmara Asmera",
  // Cuba, Venezuela
  America: "Havana Caracas",
};
/** Names without a continent. */
const OLD = "PRC Iran Turkey W-SU Egypt Cuba";

/**
 * What a visitor should be warned of before anything starts.
 * @param {object} [browser] for tests
 * @param {string} [browser.timeZone]
 * @param {{saveData?: boolean, type?: string}} [browser.connection] of the Network Information API, where there is one
 * @returns {("censored" | "metered")[]}
 */
export function caution({
  timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone,
  connection = /** @type {any} */ (navigator).connection,
} = {}) {
  const [continent = "", city] = String(timeZone).split("/");
  const zones = city ? Object.entries(CENSORED).find(([name]) => name === continent)?.[1] : OLD;
  /** @type {("censored" | "metered")[]} */
  const found = [];
  if (zones?.split(" ").includes(city ?? continent)) found.push("censored");
  if (connection?.saveData || connection?.type === "cellular") found.push("metered");
  return found;
}
