//! Just enough of ONNX's protocol buffers to write a small graph. Field numbers are those of
//! `onnx.proto3`.

/// A message in the making.
#[derive(Default)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    pub(crate) fn number(mut self, field: u32, value: u64) -> Self {
        self.varint(u64::from(field << 3));
        self.varint(value);
        self
    }

    pub(crate) fn text(self, field: u32, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    pub(crate) fn message(self, field: u32, message: Message) -> Self {
        self.bytes(field, &message.0)
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn bytes(mut self, field: u32, bytes: &[u8]) -> Self {
        self.varint(u64::from(field << 3 | 2));
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value as u8 & 0x7f) | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// ONNX's number for binary32.
pub(crate) const FLOAT: u32 = 1;

/// A node with whole-number attributes.
pub(crate) fn node(
    operator: &str,
    inputs: &[&str],
    output: &str,
    attributes: &[(&str, &[u64])],
) -> Message {
    let node = inputs.iter().fold(Message::default(), |node, input| node.text(1, input));
    let node = node.text(2, output).text(4, operator);
    attributes.iter().fold(node, |node, (name, values)| {
        let attribute = Message::default().text(1, name);
        let attribute = match values {
            [value] if *name != "axes" => attribute.number(3, *value).number(20, 2),
            values => values.iter().fold(attribute, |it, value| it.number(8, *value)).number(20, 7),
        };
        node.message(5, attribute)
    })
}

/// A declared input or output. An extent that is no number is a name.
pub(crate) fn value(name: &str, element_type: u32, shape: &[String]) -> Message {
    let extents = shape.iter().fold(Message::default(), |shape, extent| {
        let extent = match extent.parse() {
            Ok(number) => Message::default().number(1, number),
            Err(_) => Message::default().text(2, extent),
        };
        shape.message(1, extent)
    });
    let tensor = Message::default().number(1, u64::from(element_type)).message(2, extents);
    Message::default().text(1, name).message(2, Message::default().message(1, tensor))
}

/// A model of the default operators, version 17.
pub(crate) fn model(nodes: Vec<Message>, inputs: Vec<Message>, outputs: Vec<Message>) -> Vec<u8> {
    let graph = nodes.into_iter().fold(Message::default(), |graph, node| graph.message(1, node));
    let graph = inputs.into_iter().fold(graph.text(2, "graph"), |it, input| it.message(11, input));
    let graph = outputs.into_iter().fold(graph, |it, output| it.message(12, output));
    let operators = Message::default().text(1, "").number(2, 17);
    Message::default().number(1, 8).message(7, graph).message(8, operators).into_bytes()
}
