/* The dialog that puts a conversation into a folder, and makes and deletes folders. */

import { api, find, toast } from "./page.js";
import { words } from "./words.js";

/** Return the id of the folder that was chosen, "" for none; undefined when the person changed their mind. */
export async function chooseFolder(current) {
  const dialog = find("[data-folder-dialog]");
  const [choice, field, name, remove] = ["choice", "new", "name", "delete"].map((part) => find(`[data-folder-${part}]`, dialog));
  const show = () => {
    const isNew = choice.value === "new";
    field.hidden = !isNew;
    name.required = isNew;
    remove.hidden = isNew || !choice.value;
    if (isNew) name.focus();
  };
  choice.value = current;
  name.value = "";
  choice.onchange = show;
  show();
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((answer) => {
    remove.onclick = async () => {
      await api("DELETE", `/folders/${choice.value}`).catch(() => toast(words.notSaved));
      dialog.close("deleted");
    };
    dialog.addEventListener("close", async () => {
      if (dialog.returnValue === "deleted") answer("");
      else if (dialog.returnValue !== "move") answer(undefined);
      else if (choice.value !== "new") answer(choice.value);
      else answer(named(choice, name.value.trim()) ?? (await make(name.value.trim())));
    }, { once: true });
  });
}

/** Return the id of the folder that has this name already. */
const named = (choice, name) => [...choice.options].find((each) => each.value && each.textContent === name && each.value !== "new")?.value;

async function make(name) {
  try {
    const { id } = await api("POST", "/folders", { name });
    return id;
  } catch {
    toast(words.notSaved);
    return undefined;
  }
}
