/* The public page of a shared conversation: code, tables and formulas dressed as their owner sees them. */

import { dress } from "./code.js";
import { find } from "./page.js";
import "./quoted.js";

dress(find("[data-messages]"));
