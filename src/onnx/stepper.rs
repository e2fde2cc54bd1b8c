// SPDX-License-Identifier: MPL-2.0
//! [`Stepper`]: a graph that runs again and again on tensors of the same shapes. Neither they nor
//! what they are handed over in are allocated anew.

use ort::{
    session::{HasSelectedOutputs, OutputSelector, RunOptions, SessionInputValue},
    value::Tensor as OrtTensor,
};

use super::{Session, SessionError};

/// An output that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// Its sizes.
    pub shape: Vec<usize>,
    /// The input, by its place in [`Session::inputs`], that it is given to in the next step: it
    /// then has the same shape.
    pub feeds: Option<usize>,
}

/// A graph of 32-bit floating point tensors. An output may be an input of the next step: a state.
pub struct Stepper {
    session: ort::session::Session,
    /// In the order of the graph; each owns its numbers.
    inputs: Vec<SessionInputValue<'static>>,
    options: RunOptions<HasSelectedOutputs>,
    wanted: Vec<Wanted>,
}

impl Stepper {
    /// Makes one of a graph. `shapes` are those of its inputs, in their order. All inputs begin
    /// as zeros.
    ///
    /// # Errors
    /// What ONNX Runtime says. Shapes that the graph does not take show in the first step.
    pub fn new(
        session: Session,
        shapes: &[Vec<usize>],
        wanted: Vec<Wanted>,
    ) -> Result<Self, SessionError> {
        let zeros = |shape: &[usize]| {
            let numbers = vec![0f32; shape.iter().product()];
            OrtTensor::from_array((shape.to_vec(), numbers))
        };
        let mut inputs = Vec::with_capacity(shapes.len());
        for shape in shapes {
            inputs.push(SessionInputValue::from(zeros(shape)?));
        }
        let mut selector = OutputSelector::no_default();
        for output in &wanted {
            let name = output.name.as_str();
            selector = selector.with(name).preallocate(name, zeros(&output.shape)?);
        }
        Ok(Self {
            session: session.session,
            inputs,
            options: RunOptions::new()?.with_outputs(selector),
            wanted,
        })
    }

    /// The numbers of an input, to be written before a step; none if there is no such input.
    pub fn input(&mut self, place: usize) -> &mut [f32] {
        match self.inputs.get_mut(place) {
            Some(SessionInputValue::Owned(value)) => value
                .try_extract_tensor_mut::<f32>()
                .map_or(&mut [], |(_, numbers)| numbers),
            _ => &mut [],
        }
    }

    /// All inputs are zeros again.
    pub fn clear(&mut self) {
        for place in 0..self.inputs.len() {
            self.input(place).fill(0.0);
        }
    }

    /// One step; `sink` gets each wanted output by its place in the list. Outputs that feed
    /// inputs are handed on afterwards.
    ///
    /// # Errors
    /// What ONNX Runtime says. Then the states are as they were.
    pub fn step(&mut self, mut sink: impl FnMut(usize, &[f32])) -> Result<(), SessionError> {
        let outputs = self
            .session
            .run_with_options(self.inputs.as_slice(), &self.options)?;
        for (place, wanted) in self.wanted.iter().enumerate() {
            let Some(value) = outputs.get(&wanted.name) else {
                return Err(SessionError(format!("no output `{}`", wanted.name)));
            };
            let (_, numbers) = value.try_extract_tensor::<f32>()?;
            sink(place, numbers);
            if let Some(SessionInputValue::Owned(input)) =
                wanted.feeds.and_then(|input| self.inputs.get_mut(input))
            {
                let (_, state) = input.try_extract_tensor_mut::<f32>()?;
                if state.len() != numbers.len() {
                    return Err(SessionError(format!(
                        "the output `{}` is not as large as the input that it feeds",
                        wanted.name
                    )));
                }
                state.copy_from_slice(numbers);
            }
        }
        Ok(())
    }
}
