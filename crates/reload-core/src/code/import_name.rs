//! The name in an import statement, which may be relative.

/// A name as an import statement has it: `from ..shop import x` has level 2 and the name `shop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportName<'a> {
    /// How many dots stand in front; none for an absolute name.
    pub level: usize,
    /// What stands behind the dots; empty for `from . import x`.
    pub name: &'a str,
}

/// Why a relative name stands for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelativeImportError {
    /// The importing code is in no package.
    NoPackage,
    /// There are more dots than packages around the importing code.
    BeyondTop,
}

impl ImportName<'_> {
    /// The absolute name of the module, seen from code in `package`: the value of `__package__`.
    ///
    /// ```
    /// use reload_core::code::import_name::{ImportName, RelativeImportError};
    ///
    /// let absolute = |level, name, package| ImportName { level, name }.absolute(package);
    /// assert_eq!(absolute(0, "shop", "a.b"), Ok("shop".to_owned()));
    /// assert_eq!(absolute(1, "shop", "a.b"), Ok("a.b.shop".to_owned()));
    /// assert_eq!(absolute(2, "", "a.b"), Ok("a".to_owned()));
    /// assert_eq!(absolute(3, "shop", "a.b"), Err(RelativeImportError::BeyondTop));
    /// assert_eq!(absolute(1, "shop", ""), Err(RelativeImportError::NoPackage));
    /// ```
    ///
    /// # Errors
    /// Why a relative name stands for nothing there.
    pub fn absolute(self, package: &str) -> Result<String, RelativeImportError> {
        if self.level == 0 {
            return Ok(self.name.to_owned());
        }
        if package.is_empty() {
            return Err(RelativeImportError::NoPackage);
        }
        let mut base = package;
        for _ in 1..self.level {
            base = base.rsplit_once('.').ok_or(RelativeImportError::BeyondTop)?.0;
        }
        Ok(if self.name.is_empty() { base.to_owned() } else { format!("{base}.{}", self.name) })
    }
}
