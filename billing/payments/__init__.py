"""Payment providers behind one small interface (`base.Provider`); `provider(name)` finds one."""
