// SPDX-License-Identifier: MPL-2.0
//! [`Session`]: a graph that was loaded, and runs.

use std::{fmt, sync::Arc};

use ort::{
    session::{RunOptions, SessionInputValue, builder::GraphOptimizationLevel},
    value::{DynValue, Tensor as OrtTensor, TensorElementType, ValueType},
};

use super::{Provider, Runtime};

/// Why a graph does not load or run: what ONNX Runtime says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SessionError(pub String);

impl<R> From<ort::Error<R>> for SessionError {
    fn from(error: ort::Error<R>) -> Self {
        Self(error.to_string())
    }
}

/// What a tensor consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Element {
    /// 32-bit floating point.
    F32,
    /// 64-bit integers.
    I64,
    /// What is not used here, by its name.
    Other(String),
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::F32 => f.write_str("f32"),
            Self::I64 => f.write_str("i64"),
            Self::Other(name) => f.write_str(name),
        }
    }
}

/// An input or output of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// What it consists of.
    pub element: Element,
    /// Its dimensions; −1 is any size.
    pub shape: Vec<i64>,
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}{:?}", self.name, self.element, self.shape)
    }
}

/// What a tensor holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// 32-bit floating point.
    F32(Vec<f32>),
    /// 64-bit integers.
    I64(Vec<i64>),
    /// Something that is not used here.
    Other,
}

/// Numbers in an order of so many dimensions, the last one varying fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Sizes.
    pub shape: Vec<usize>,
    /// The numbers.
    pub values: Values,
}

/// Ends a run from another thread. Clones end the same.
#[derive(Clone)]
pub struct Stop(Arc<RunOptions>);

impl Stop {
    /// One for a run that is to come.
    ///
    /// # Errors
    /// What ONNX Runtime says.
    pub fn new(_: &Runtime) -> Result<Self, SessionError> {
        Ok(Self(Arc::new(RunOptions::new()?)))
    }

    /// The run ends as soon as it can, with an error; one that has not begun does not begin.
    pub fn stop(&self) {
        if let Err(error) = self.0.terminate() {
            tracing::warn!("ONNX Runtime does not end a run: {error}");
        }
    }
}

/// How a graph is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Threads of its own, at least 1.
    pub threads: usize,
    /// What computes it.
    pub provider: Provider,
    /// Whether the shapes are the same in every run.
    pub steady: bool,
}

impl Options {
    /// On the processor, with so many threads, for shapes that vary from run to run.
    pub fn threads(threads: usize) -> Self {
        Self {
            threads,
            provider: Provider::Cpu,
            steady: false,
        }
    }
}

/// A graph that was loaded. It runs on one thread at a time.
pub struct Session {
    pub(super) session: ort::session::Session,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

impl Session {
    /// Loads a graph from the bytes of its file.
    ///
    /// # Errors
    /// What ONNX Runtime says.
    pub fn new(runtime: &Runtime, graph: &[u8], options: Options) -> Result<Self, SessionError> {
        let mut builder = ort::session::Session::builder(runtime.environment())?
            .with_optimization_level(GraphOptimizationLevel::Level3)?
            .with_intra_threads(options.threads.max(1))?
            .with_inter_threads(1)?
            // Threads that wait must not burn the processor that draws the face.
            .with_intra_op_spinning(false)?
            .with_memory_pattern(options.steady)?;
        if let Some(provider) = options.provider.dispatch() {
            builder = builder.with_execution_providers([provider])?;
        }
        let session = builder.commit_from_memory(graph)?;
        let port = |outlet: &ort::value::Outlet| Port {
            name: outlet.name().to_owned(),
            element: outlet
                .dtype()
                .tensor_type()
                .map_or_else(|| Element::Other(outlet.dtype().to_string()), element),
            shape: match outlet.dtype() {
                ValueType::Tensor { shape, .. } => shape.to_vec(),
                _ => Vec::new(),
            },
        };
        Ok(Self {
            inputs: session.inputs().iter().map(port).collect(),
            outputs: session.outputs().iter().map(port).collect(),
            session,
        })
    }

    /// What it takes.
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// What it gives.
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// What its author wrote into the file under that key.
    pub fn metadata(&self, key: &str) -> Option<String> {
        self.session.metadata().ok()?.custom(key)
    }

    /// Runs it; its outputs in their order.
    ///
    /// # Errors
    /// What ONNX Runtime says; that it was stopped.
    pub fn run(
        &mut self,
        inputs: Vec<(&str, Tensor)>,
        stop: &Stop,
    ) -> Result<Vec<Tensor>, SessionError> {
        let mut values: Vec<(&str, SessionInputValue<'_>)> = Vec::with_capacity(inputs.len());
        for (name, tensor) in inputs {
            let value = match tensor.values {
                Values::F32(v) => OrtTensor::from_array((tensor.shape, v))?.into_dyn(),
                Values::I64(v) => OrtTensor::from_array((tensor.shape, v))?.into_dyn(),
                Values::Other => return Err(SessionError(format!("`{name}` has no values"))),
            };
            values.push((name, value.into()));
        }
        let outputs = self.session.run_with_options(values, &*stop.0)?;
        self.outputs
            .iter()
            .map(|port| {
                let value = outputs.get(&port.name);
                value.map(tensor).ok_or_else(|| {
                    SessionError(format!("the graph did not give its output {port}"))
                })
            })
            .collect()
    }
}

fn element(of: TensorElementType) -> Element {
    match of {
        TensorElementType::Float32 => Element::F32,
        TensorElementType::Int64 => Element::I64,
        other => Element::Other(other.to_string()),
    }
}

fn tensor(value: &DynValue) -> Tensor {
    if let Ok((shape, values)) = value.try_extract_tensor::<f32>() {
        let values = Values::F32(values.to_vec());
        return Tensor {
            shape: sizes(shape),
            values,
        };
    }
    if let Ok((shape, values)) = value.try_extract_tensor::<i64>() {
        let values = Values::I64(values.to_vec());
        return Tensor {
            shape: sizes(shape),
            values,
        };
    }
    Tensor {
        shape: Vec::new(),
        values: Values::Other,
    }
}

fn sizes(shape: &[i64]) -> Vec<usize> {
    let size = |n: &i64| usize::try_from(*n).unwrap_or(0);
    shape.iter().map(size).collect()
}
