//! Parameters of a value: `;name=value;name="quoted";flag`.

/// One parameter. Names are compared without case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    pub name: &'a [u8],
    /// As sent: a quoted string keeps its quotes (see [`crate::text::unquote`]). `None` for a flag.
    pub value: Option<&'a [u8]>,
    /// From the semicolon to the end of the value.
    pub whole: &'a [u8],
}

/// Iterator over parameters; the input starts at the first semicolon or is empty. Ends after [`crate::limits::PARAMS`].
#[derive(Clone, Debug)]
pub struct Params<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> Params<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Params { rest: bytes, left: crate::limits::PARAMS }
    }

    /// The first parameter of that name, without case.
    pub fn get(mut self, name: &str) -> Option<Param<'a>> {
        self.find(|param| param.name.eq_ignore_ascii_case(name.as_bytes()))
    }
}

impl<'a> Iterator for Params<'a> {
    type Item = Param<'a>;

    fn next(&mut self) -> Option<Param<'a>> {
        let _ = (&mut self.rest, &mut self.left);
        todo!()
    }
}
